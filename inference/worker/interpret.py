"""From a model's answers to coded Findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inference.domain.finding import Finding, Measurement, Presence, Quantity, Region, Slice
from inference.domain.geometry import Stack
from inference.domain.manifest import Manifest, Output, Task
from inference.domain.pooling import pool
from inference.domain.refusal import Refusal
from inference.ports import Assessment, Picture
from inference.worker import region
from inference.worker.seen import Seen

_KEY_SLICES = 3  # of a Finding in a Series: enough to look at, and never a Series again


def findings_in_image(
    manifest: Manifest, seen: Seen, answer: Assessment, doubts: tuple[Refusal, ...]
) -> tuple[Finding, ...]:
    """Return the Findings of all outputs in one picture.

    Where there are `doubts`, the presence is undetermined however high the certainty. A
    detector's output has a Finding for each box, and one that says so where there is none.
    """
    found: list[Finding] = []
    for output in manifest.outputs:
        if manifest.task is Task.DETECTION:
            found.extend(
                _boxes(output, seen, answer, doubts) or [_absent(output, seen, answer, doubts)]
            )
            continue
        certainty = answer.certainty[output.name]
        found.append(
            _finding(
                output,
                certainty,
                doubts,
                seen,
                _region(manifest, output, seen.picture, answer, certainty),
                measurements=_area(output, seen.picture, answer),
            )
        )
    return tuple(found)


def findings_in_series(
    manifest: Manifest,
    slices: Sequence[Seen],
    answers: Sequence[Assessment],
    stack: Stack,
    doubts: tuple[Refusal, ...],
) -> tuple[Finding, ...]:
    """Return the Findings of all outputs in one Series.

    `slices` and `answers` are in the order of `stack`; a Finding names the slices that carry
    it. `answers` of those have heat maps, if any have.
    """
    found: list[Finding] = []
    for output in manifest.outputs:
        if manifest.task is Task.DETECTION:
            boxes = [
                box
                for seen, answer in zip(slices, answers, strict=True)
                for box in _boxes(output, seen, answer, doubts)
            ]
            surest = _surest(output, answers)
            found.extend(boxes or [_absent(output, slices[surest], answers[surest], doubts)])
            continue
        certainty = _pooled(manifest, output, answers)
        keys = key_slices(manifest, output, answers)
        first = keys[0]
        found.append(
            _finding(
                output,
                certainty,
                doubts,
                slices[first],
                _region(manifest, output, slices[first].picture, answers[first], certainty),
                measurements=_volume(output, slices, answers, stack),
                series_instance_uid=slices[first].instance.series_instance_uid,
                slices=tuple(
                    Slice(
                        slices[index].instance.sop_instance_uid,
                        answers[index].certainty[output.name],
                    )
                    for index in keys
                ),
            )
        )
    return tuple(found)


def key_slices(
    manifest: Manifest, output: Output, answers: Sequence[Assessment]
) -> tuple[int, ...]:
    """Return the indices of the slices that carry the answer on `output`, the first in front.

    They have the most of what was segmented; else they speak the most for the answer that
    the Series got: a Finding that is absent is carried by the slices that are surest of it.
    """
    if manifest.task is Task.SEGMENTATION:
        area = [int(each.masks[output.name].sum()) for each in answers]
        order = sorted(range(len(answers)), key=lambda i: (-area[i], i))
        return tuple([i for i in order if area[i]][:_KEY_SLICES] or [_surest(output, answers)])
    certainty = _pooled(manifest, output, answers)
    sign = -1 if certainty >= output.threshold else 1
    order = sorted(range(len(answers)), key=lambda i: (sign * answers[i].certainty[output.name], i))
    return tuple(order[:_KEY_SLICES])


def _pooled(manifest: Manifest, output: Output, answers: Sequence[Assessment]) -> float:
    certainties = [each.certainty[output.name] for each in answers]
    # A segment is there as soon as one slice has a part of it.
    if manifest.task is Task.SEGMENTATION:
        return max(certainties)
    return pool(certainties, manifest.pooling)


def _surest(output: Output, answers: Sequence[Assessment]) -> int:
    return max(range(len(answers)), key=lambda i: answers[i].certainty[output.name])


def _boxes(
    output: Output, seen: Seen, answer: Assessment, doubts: tuple[Refusal, ...]
) -> list[Finding]:
    return [
        _finding(output, box.certainty, doubts, seen, region.rectangle(box))
        for box in answer.boxes.get(output.name, ())
    ]


def _absent(output: Output, seen: Seen, answer: Assessment, doubts: tuple[Refusal, ...]) -> Finding:
    where = region.whole_image(*seen.picture.pixels.shape)
    return _finding(output, answer.certainty[output.name], doubts, seen, where)


def _finding(
    output: Output,
    certainty: float,
    doubts: tuple[Refusal, ...],
    seen: Seen,
    where: Region,
    *,
    measurements: Iterator[Measurement] | tuple[Measurement, ...] = (),
    series_instance_uid: str = "",
    slices: tuple[Slice, ...] = (),
) -> Finding:
    above = certainty >= output.threshold
    decided = Presence.PRESENT if above else Presence.ABSENT
    return Finding(
        finding=output.finding,
        site=output.site,
        presence=Presence.UNDETERMINED if doubts else decided,
        certainty=certainty,
        threshold=output.threshold,
        sop_instance_uid=seen.instance.sop_instance_uid,
        region=where,
        doubts=doubts,
        output=output.name,
        measurements=tuple(measurements),
        series_instance_uid=series_instance_uid,
        slices=slices,
    )


def _region(
    manifest: Manifest, output: Output, picture: Picture, answer: Assessment, certainty: float
) -> Region:
    rows, columns = picture.pixels.shape
    if manifest.task is Task.SEGMENTATION:
        return region.outline(answer.masks[output.name])
    heat_map = answer.heat_maps.get(output.name)
    if certainty >= output.threshold and heat_map is not None:
        return region.hottest(heat_map)
    return region.whole_image(rows, columns)


def _area(output: Output, picture: Picture, answer: Assessment) -> Iterator[Measurement]:
    mask = answer.masks.get(output.name)
    if mask is not None and picture.spacing_mm is not None:
        between_rows, between_columns = picture.spacing_mm
        yield Measurement(Quantity.AREA, float(mask.sum()) * between_rows * between_columns)


def _volume(
    output: Output, slices: Sequence[Seen], answers: Sequence[Assessment], stack: Stack
) -> Iterator[Measurement]:
    """Yield the volume, where masks and the distances of pixels and slices are all known."""
    if not stack.thickness_mm:
        return
    volume = 0.0  # mm3
    for seen, answer, thickness in zip(slices, answers, stack.thickness_mm, strict=True):
        mask = answer.masks.get(output.name)
        if mask is None or seen.picture.spacing_mm is None:
            return
        between_rows, between_columns = seen.picture.spacing_mm
        volume += float(mask.sum()) * between_rows * between_columns * thickness
    yield Measurement(Quantity.VOLUME, volume / 1000)
