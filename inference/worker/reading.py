"""One reading: from a Job to a Result and the Evidence behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

from inference.domain import screening
from inference.domain.errors import CodecMissing, DamagedFile, UnreadablePixels
from inference.domain.finding import Finding
from inference.domain.geometry import Stack, stack
from inference.domain.instance import Instance
from inference.domain.job import JobRequest
from inference.domain.manifest import Explanation, Manifest, Scope, Task
from inference.domain.recognition import Kind
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Outcome, Result
from inference.ports import Assessment, Evidence, Files, Gate, Gates, Model, PixelReader
from inference.worker.annotation import look_for_text
from inference.worker.interpret import findings_in_image, findings_in_series, key_slices
from inference.worker.passing import let_pass
from inference.worker.seen import Seen

_BATCH = 8  # pictures; a study of radiographs seldom has more


@dataclass(frozen=True, slots=True)
class Reading:
    """A Result that is not encoded yet, and what was seen in each Instance."""

    result: Result
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What came of some of the Instances."""

    findings: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    evidence: tuple[Evidence, ...]


class Reader:
    """Screens Instances, reads their pixels, asks gate and model, and says what it found.

    Without `gates` every model reads what its header promises.
    """

    def __init__(self, files: Files, pixels: PixelReader, gates: Gates | None = None) -> None:
        self._files = files
        self._pixels = pixels
        self._gates = gates

    def gate(self, manifest: Manifest, instances: Sequence[Instance]) -> Gate | None:
        """Return what looks before the model does, if anything.

        Where the header of each of `instances` refuses, no gate is asked, nor needs to be there.
        Raises `UnknownModel`, `ManifestError` or `WeightsChanged`.
        """
        if self._gates is None or not manifest.gate:
            return None
        if all(screening.refusals(manifest, each) for each in instances):
            return None
        return self._gates.gate(manifest.gate)

    def read(
        self,
        request: JobRequest,
        model: Model,
        instances: Sequence[Instance],
        at: datetime,
        *,
        explain: bool = True,
        gate: Gate | None = None,
    ) -> Reading:
        """Raises `ModelFailed`, and `DamagedFile` where the archive lost what it had.

        Whatever else is wrong with an Instance becomes a `Refusal`.

        Without `explain` there are no heat maps, and no region is drawn from one. `gate` is
        what is asked in place of that which `gate` returns for the model.
        """
        gate = gate or self.gate(model.manifest, instances)
        if model.manifest.reads is Scope.SERIES:
            parts = [self._read_series(model, gate, each, explain) for each in _series(instances)]
        else:
            parts = [self._read_images(model, gate, each, explain) for each in _batches(instances)]
        findings = tuple(chain.from_iterable(each.findings for each in parts))
        return Reading(
            Result(
                study_instance_uid=request.study_instance_uid,
                revision=request.revision,
                model=model.manifest.model,
                outcome=Outcome.ASSESSED if findings else Outcome.NOT_ASSESSED,
                findings=findings,
                refusals=tuple(chain.from_iterable(each.refusals for each in parts)),
                produced_at=at,
                seconds=0.0,
            ),
            tuple(chain.from_iterable(each.evidence for each in parts)),
        )

    def decline(
        self,
        request: JobRequest,
        instances: Sequence[Instance],
        refusal: Refusal,
        at: datetime,
        *,
        failed: bool = False,
    ) -> Reading:
        """Return the not-assessed Result of a Job that no model reads."""
        result = Result(
            study_instance_uid=request.study_instance_uid,
            revision=request.revision,
            model=request.model,
            outcome=Outcome.NOT_ASSESSED,
            findings=(),
            refusals=(refusal,),
            produced_at=at,
            seconds=0.0,
            failed=failed,
        )
        return Reading(result, tuple(self._unread(each) for each in instances))

    def _read_images(
        self, model: Model, gate: Gate | None, instances: Sequence[Instance], explain: bool
    ) -> _Part:
        """Read each Instance for itself."""
        manifest = model.manifest
        seen, refusals = self._open(manifest, gate, instances)
        seen, why = look_for_text(manifest, seen)
        refusals = (*refusals, *why)
        answers = model.assess([each.picture for each in seen], explain=explain) if seen else ()
        findings: list[Finding] = []
        shown: dict[str, Evidence] = {}
        for each, answer in zip(seen, answers, strict=True):
            doubts = self._doubts(manifest, each)
            found = findings_in_image(manifest, each, answer, doubts)
            findings.extend(found)
            shown[each.instance.sop_instance_uid] = self._evidence(each, answer)
        return _Part(tuple(findings), refusals, self._all(instances, shown))

    def _read_series(
        self, model: Model, gate: Gate | None, instances: Sequence[Instance], explain: bool
    ) -> _Part:
        """Read the Instances of one Series as one."""
        manifest = model.manifest
        seen, refusals = self._open(manifest, gate, instances)
        placed = stack([each.picture.plane for each in seen])
        slices = [seen[index] for index in placed.order]
        refusals = (*refusals, *_refusals_of_stack(manifest, seen, placed))
        if not slices or len(slices) < manifest.needs.minimum_slices:
            return _Part((), refusals, self._all(instances, {}))
        looked, why = look_for_text(manifest, [_most_telling(slices)])
        if not looked:
            return _Part((), (*refusals, *why), self._all(instances, {}))
        answers = list(model.assess([each.picture for each in slices], explain=False))
        keys = sorted(
            {
                index
                for output in manifest.outputs
                for index in key_slices(manifest, output, answers)
            }
        )
        if explain and _has_heat_maps(manifest):
            explained = model.assess([slices[index].picture for index in keys])
            for index, answer in zip(keys, explained, strict=True):
                answers[index] = replace(answers[index], heat_maps=answer.heat_maps)
        doubts = (
            *self._doubts(manifest, looked[0]),
            *_doubts_of_stack(manifest, placed, slices[0].instance),
        )
        findings = findings_in_series(manifest, slices, answers, placed, doubts)
        named = {each.sop_instance_uid for each in findings}
        named.update(each.sop_instance_uid for found in findings for each in found.slices)
        shown = {
            uid: self._evidence(each, answer, with_picture=uid in named)
            for each, answer in zip(slices, answers, strict=True)
            for uid in (each.instance.sop_instance_uid,)
        }
        return _Part(findings, refusals, self._all(instances, shown))

    def _open(
        self, manifest: Manifest, gate: Gate | None, instances: Sequence[Instance]
    ) -> tuple[list[Seen], tuple[Refusal, ...]]:
        """Return what the model may read, and why it may not read the rest."""
        seen: list[Seen] = []
        refusals: list[Refusal] = []
        for instance in instances:
            found = self._look(manifest, instance)
            if isinstance(found, Seen):
                seen.append(found)
            else:
                refusals.extend(found)
        passed, why = let_pass(manifest, gate, seen) if gate and seen else (seen, ())
        return passed, (*refusals, *why)

    def _look(self, manifest: Manifest, instance: Instance) -> Seen | tuple[Refusal, ...]:
        why = screening.refusals(manifest, instance)
        if why:
            return why
        uid = instance.sop_instance_uid
        path = self._files.path(instance.key)
        try:
            return Seen(instance, self._pixels.read(path, window=manifest.window))
        except FileNotFoundError as error:
            raise DamagedFile("A file is missing from the archive.") from error
        except CodecMissing as error:
            return (Refusal(Reason.CODEC_MISSING, str(error), uid),)
        except UnreadablePixels as error:
            return (Refusal(Reason.UNREADABLE_PIXELS, str(error), uid),)

    def _doubts(self, manifest: Manifest, seen: Seen) -> tuple[Refusal, ...]:
        # A gate that lets CT slices pass does not say of what.
        sees_part = manifest.needs.recognised == (Kind.FRONTAL_CHEST,)
        asked = self._gates is not None and bool(manifest.gate) and sees_part
        return screening.doubts(manifest, seen.instance, recognised=asked, text=seen.text)

    def _all(
        self, instances: Iterable[Instance], shown: dict[str, Evidence]
    ) -> tuple[Evidence, ...]:
        """Return the Evidence of each Instance, in the order in which they came."""
        return tuple(shown.get(each.sop_instance_uid) or self._unseen(each) for each in instances)

    def _unseen(self, instance: Instance) -> Evidence:
        return Evidence(instance, self._files.path(instance.key))

    def _unread(self, instance: Instance) -> Evidence:
        try:
            return self._unseen(instance)
        except DamagedFile:  # the index says whose it is
            return Evidence(instance, Path(os.devnull))

    def _evidence(self, seen: Seen, answer: Assessment, *, with_picture: bool = True) -> Evidence:
        maps = answer.heat_maps.values()
        heat_map = max(maps, key=lambda each: float(each.max()), default=None)
        return replace(
            self._unseen(seen.instance),
            picture=seen.picture if with_picture else None,
            heat_map=heat_map if with_picture else None,
            masks=answer.masks,
        )


def _has_heat_maps(manifest: Manifest) -> bool:
    return manifest.task is Task.CLASSIFICATION and manifest.explanation is not Explanation.NONE


def _most_telling(slices: Sequence[Seen]) -> Seen:
    """Return the slice to look for text in: text is burned into all, and the middle is full."""
    told = (each for each in slices if each.instance.attributes.burned_in_annotation)
    return next(told, slices[len(slices) // 2])


def _refusals_of_stack(
    manifest: Manifest, seen: Sequence[Seen], placed: Stack
) -> Iterator[Refusal]:
    for index, each in enumerate(seen):
        if index not in placed.order:
            yield Refusal(
                Reason.NOT_IN_STACK,
                "it does not lie parallel to the most slices of its Series, or says not where",
                each.instance.sop_instance_uid,
            )
    slices, least = len(placed.order), manifest.needs.minimum_slices
    if 0 < slices < least:
        yield Refusal(
            Reason.TOO_FEW_SLICES,
            f"the Series has {slices} slices that can be read; {manifest.model.name} needs {least}",
            seen[placed.order[0]].instance.sop_instance_uid,
        )


def _doubts_of_stack(manifest: Manifest, placed: Stack, first: Instance) -> tuple[Refusal, ...]:
    if not placed.has_gaps:
        return ()
    detail = (
        f"slices stand for up to {max(placed.thickness_mm):.1f} mm, which says that some are "
        f"missing; {manifest.model.name} answers on what is there"
    )
    return (Refusal(Reason.SLICES_MISSING, detail, first.sop_instance_uid),)


def _series(instances: Iterable[Instance]) -> list[list[Instance]]:
    """Return the Instances by Series, in the order in which they came."""
    found: dict[str, list[Instance]] = {}
    for each in instances:
        found.setdefault(each.series_instance_uid, []).append(each)
    return list(found.values())


def _batches(instances: Sequence[Instance]) -> list[Sequence[Instance]]:
    return [instances[start : start + _BATCH] for start in range(0, len(instances), _BATCH)]
