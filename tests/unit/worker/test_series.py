"""A Series read as one: which slices, what they say together, and how much there is of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from inference.domain.finding import Presence, Quantity
from inference.domain.geometry import Plane
from inference.domain.instance import (
    Attributes,
    Description,
    Instance,
    Origin,
    Priority,
    Source,
)
from inference.domain.job import JobRequest, ModelId
from inference.domain.manifest import Explanation, InputNeeds, Manifest, Scope, Task
from inference.domain.pooling import Pooling
from inference.domain.recognition import Kind, Recognition
from inference.domain.refusal import Reason
from inference.domain.result import Outcome
from inference.fakes.gates import FakeGates
from inference.fakes.models import fake_manifest
from inference.ports import Assessment, Box, Picture
from inference.worker.reading import Reader, Reading

ROWS, COLUMNS = 20, 30
AT = datetime(2026, 3, 4, tzinfo=UTC)


class Slices:
    """Files and pixels: a key's number is the slice's height in steps of 5 mm, and its value."""

    def __init__(self, placed: bool = True) -> None:
        self.placed = placed
        self.windows: set[tuple[float, float] | None] = set()

    def path(self, key: str) -> Path:
        return Path(key)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        self.windows.add(window)
        number = int(part10.name)
        pixels = np.zeros((ROWS, COLUMNS), np.float32)
        pixels[: number + 1, :10] = number / 10
        if not self.placed:
            return Picture(pixels)
        plane = Plane((0, 0, 5.0 * number), (1, 0, 0), (0, 1, 0))
        return Picture(pixels, spacing_mm=(2.0, 0.5), plane=plane)


class Brightest:
    """Its certainty is the brightest pixel; its mask, all that is as bright as that or 0.45."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.calls: list[tuple[int, bool]] = []

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        self.calls.append((len(pictures), explain))
        name = self.manifest.outputs[0].name
        task = self.manifest.task
        return [
            Assessment(
                {name: float(each.pixels.max())},
                {name: each.pixels} if explain else {},
                masks={name: each.pixels >= 0.45} if task is Task.SEGMENTATION else {},
                boxes={name: _boxes(each)} if task is Task.DETECTION else {},
            )
            for each in pictures
        ]


def _boxes(picture: Picture) -> Sequence[Box]:
    peak = float(picture.pixels.max())
    return (Box(0, 0, 9, 5, peak), Box(12, 2, 15, 6, 0.6)) if peak >= 0.75 else ()


def instance(number: int, series: str = "1.2.3.4") -> Instance:
    attributes = Attributes(modality="CT", rows=ROWS, columns=COLUMNS, has_pixels=True)
    uid = f"{series}.{number}"
    described = Description("1.2.3", series, uid, "1.2", "1.2", attributes)
    return Instance(described, Origin(Source.DIMSE), str(number), "0" * 64, 1)


def manifest(**changes: object) -> Manifest:
    made = replace(fake_manifest(), reads=Scope.SERIES, window=(-50.0, 350.0))
    return replace(made, **changes)  # type: ignore[arg-type]


def read(
    model: Brightest,
    numbers: Sequence[int],
    slices: Slices | None = None,
    more: Sequence[Instance] = (),
    gates: FakeGates | None = None,
    explain: bool = True,
) -> Reading:
    slices = slices or Slices()
    found = [*(instance(each) for each in numbers), *more]
    uids = tuple(each.sop_instance_uid for each in found)
    request = JobRequest("1.2.3", 1, model.manifest.model, "rule", Priority.MEDIUM, uids)
    return Reader(slices, slices, gates).read(request, model, found, AT, explain=explain)


def test_all_slices_are_read_in_the_order_of_space_through_the_models_window() -> None:
    model, slices = Brightest(manifest(pooling=Pooling.MEAN)), Slices()
    (finding,) = read(model, (3, 9, 1, 7, 6), slices).result.findings
    assert slices.windows == {(-50.0, 350.0)}
    assert model.calls == [(5, False), (3, True)]
    assert finding.certainty == pytest.approx(0.52)
    assert finding.presence is Presence.PRESENT
    assert finding.series_instance_uid == "1.2.3.4"


def test_a_finding_that_is_there_is_carried_by_the_surest_slices() -> None:
    model = Brightest(manifest(pooling=Pooling.MAXIMUM))
    reading = read(model, (3, 9, 1, 7, 5))
    (finding,) = reading.result.findings
    assert [each.sop_instance_uid[-1] for each in finding.slices] == ["9", "7", "5"]
    assert [each.certainty for each in finding.slices] == pytest.approx([0.9, 0.7, 0.5])
    assert finding.sop_instance_uid == finding.slices[0].sop_instance_uid
    assert not finding.region.whole_image
    shown = [each.instance.key for each in reading.evidence if each.picture is not None]
    assert shown == ["9", "7", "5"]
    assert len(reading.evidence) == 5


def test_one_that_is_not_by_those_that_speak_most_against_it() -> None:
    (finding,) = read(Brightest(manifest(pooling=Pooling.MEDIAN)), (3, 5, 1, 4, 2)).result.findings
    assert finding.presence is Presence.ABSENT
    assert [each.sop_instance_uid[-1] for each in finding.slices] == ["1", "2", "3"]
    assert finding.region.whole_image


def test_each_series_has_its_own_finding() -> None:
    reading = read(Brightest(manifest()), (1, 2), more=[instance(8, "1.2.3.5")])
    assert [each.series_instance_uid for each in reading.result.findings] == ["1.2.3.4", "1.2.3.5"]


def test_a_segment_has_a_volume() -> None:
    model = Brightest(manifest(task=Task.SEGMENTATION))
    reading = read(model, (4, 5, 6, 7))
    (finding,) = reading.result.findings
    assert finding.presence is Presence.PRESENT
    assert finding.certainty == pytest.approx(0.7)
    # 6, 7 and 8 rows of 10 pixels of 1 mm2, in slices that stand for 5 mm each
    (measured,) = finding.measurements
    assert measured.quantity is Quantity.VOLUME
    assert measured.value == pytest.approx(21 * 10 * 5 / 1000)
    assert [each.sop_instance_uid[-1] for each in finding.slices] == ["7", "6", "5"]
    assert all(each.masks["pneumonia"].shape == (ROWS, COLUMNS) for each in reading.evidence)
    assert model.calls == [(4, False)]


def test_without_places_there_is_no_volume() -> None:
    model = Brightest(manifest(task=Task.SEGMENTATION))
    (finding,) = read(model, (4, 5, 6), Slices(placed=False)).result.findings
    assert finding.measurements == ()


def test_a_segment_that_is_not_there() -> None:
    model = Brightest(manifest(task=Task.SEGMENTATION))
    (finding,) = read(model, (1, 2, 3)).result.findings
    assert finding.presence is Presence.ABSENT
    assert [each.sop_instance_uid[-1] for each in finding.slices] == ["3"]
    assert finding.measurements[0].value == 0


def test_every_box_is_a_finding_and_none_is_one_too() -> None:
    model = Brightest(manifest(task=Task.DETECTION))
    found = read(model, (7, 8, 9)).result.findings
    assert [(each.sop_instance_uid[-1], each.certainty) for each in found] == [
        ("8", pytest.approx(0.8)),
        ("8", 0.6),
        ("9", pytest.approx(0.9)),
        ("9", 0.6),
    ]
    assert found[0].region.points == ((0, 0), (9, 0), (9, 5), (0, 5))
    (none,) = read(model, (1, 2, 3)).result.findings
    assert none.presence is Presence.ABSENT
    assert none.sop_instance_uid.endswith("3")
    assert none.region.whole_image


def test_a_slice_that_is_missing_leaves_the_answer_open() -> None:
    (finding,) = read(Brightest(manifest()), (1, 2, 3, 7, 8)).result.findings
    assert finding.presence is Presence.UNDETERMINED
    (doubt,) = finding.doubts
    assert doubt.reason is Reason.SLICES_MISSING


def test_too_few_slices_are_refused() -> None:
    model = Brightest(manifest(needs=InputNeeds(minimum_slices=4)))
    reading = read(model, (1, 2, 3))
    assert model.calls == []
    assert reading.result.outcome is Outcome.NOT_ASSESSED
    (refusal,) = reading.result.refusals
    assert refusal.reason is Reason.TOO_FEW_SLICES
    assert "3 slices" in refusal.detail
    assert "needs 4" in refusal.detail


class Picky:
    """Takes dark slices for CT."""

    model = ModelId("picky", "1.0.0")

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        return [
            Recognition(Kind.CT_SLICE if each.pixels.max() < 0.55 else Kind.FRONTAL_CHEST, 0.9)
            for each in pictures
        ]


def test_what_the_gate_does_not_know_is_left_out_and_too_much_of_it_is_a_refusal() -> None:
    gated = manifest(gate="picky", needs=InputNeeds(recognised=(Kind.CT_SLICE,)))
    gates = FakeGates({"picky": Picky()})
    kept = read(Brightest(gated), (1, 2, 3, 7), gates=gates).result
    assert kept.outcome is Outcome.ASSESSED
    assert [each.sop_instance_uid[-1] for each in kept.refusals] == ["7"]
    model = Brightest(gated)
    lost = read(model, (5, 6, 7, 8), gates=gates).result
    assert lost.outcome is Outcome.NOT_ASSESSED
    assert len(lost.refusals) == 4
    assert model.calls == []


def test_no_heat_maps_where_none_are_made_or_wanted() -> None:
    model = Brightest(manifest(explanation=Explanation.NONE))
    read(model, (1, 2, 3))
    assert model.calls == [(3, False)]
    model = Brightest(manifest())
    read(model, (1, 2, 3), explain=False)
    assert model.calls == [(3, False)]


def test_an_area_in_a_single_image() -> None:
    model = Brightest(manifest(task=Task.SEGMENTATION, reads=Scope.IMAGE))
    reading = read(model, (5,))
    (finding,) = reading.result.findings
    (measured,) = finding.measurements
    assert measured.quantity is Quantity.AREA
    assert measured.value == pytest.approx(6 * 10)
    assert finding.series_instance_uid == ""
    assert reading.evidence[0].masks["pneumonia"].sum() == 60
