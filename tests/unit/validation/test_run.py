from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_node.archive import describe
from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import ModelFailed
from inference.domain.instance import Priority
from inference.domain.job import JobRequest
from inference.domain.manifest import InputNeeds, Policy, Population, Scope
from inference.fakes.models import FakeModel, fake_manifest
from inference.ports import Assessment, Picture
from inference.validation.case import Labels, read_cases
from inference.validation.opener import Opener
from inference.validation.record import Record, ResultsFile
from inference.validation.run import BATCH, Lane, explain, run
from inference.worker.reading import Reader
from tests.support.radiographs import PATIENT_ID, radiograph
from tests.unit.validation.support import (
    AT,
    NAMES,
    cases,
    folder,
    grey,
    identity,
    opener,
    table,
)


def read(model: FakeModel, root: Path, workers: int = 2) -> list[Record]:
    (output,) = model.manifest.outputs
    listed = cases(root)
    with ResultsFile(root / "results.jsonl", identity()) as results:
        run([Lane(model)], output, listed, opener(model), results, workers=workers, at=AT)
        return [found for case in listed if (found := results.find(case))]


class Strict(FakeModel):
    """Breaks on a black picture, and on every batch that holds one."""

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        if any(picture.pixels.max() == 0 for picture in pictures):
            raise ModelFailed("too dark")
        return super().assess(pictures, explain=explain)


@pytest.mark.parametrize("workers", [1, 5])
def test_every_case_gets_its_own_certainty_whatever_the_order_of_opening(
    tmp_path: Path, workers: int
) -> None:
    levels = [(index / 41, index % 3 == 0) for index in range(41)]
    found = read(FakeModel(), folder(tmp_path, levels), workers)
    assert [record.file for record in found] == [f"{index:03}.png" for index in range(41)]
    for record, (level, positive) in zip(found, levels, strict=True):
        assert record.certainty == pytest.approx(level, abs=1 / 255)
        assert record.positive == positive


def test_heat_maps_are_made_for_the_explained_alone(tmp_path: Path) -> None:
    asked: list[bool] = []

    class Model(FakeModel):
        def assess(
            self, pictures: Sequence[Picture], *, explain: bool = True
        ) -> Sequence[Assessment]:
            asked.append(explain)
            return super().assess(pictures, explain=explain)

    model = Model()
    root = folder(tmp_path, [(0.5, True), (0.9, False)])
    read(model, root)
    assert not any(asked)
    ((case, evidence),) = explain(Lane(model), cases(root)[1:], opener(model), workers=1, at=AT)
    assert asked[-1]
    assert case.file == "001.png"
    assert evidence.heat_map is not None
    assert evidence.heat_map.mean() == pytest.approx(0.9, abs=0.01)


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    model = FakeModel()
    root = folder(tmp_path, [(0.5, True), (0.9, False), (0.2, True)])
    (output,) = model.manifest.outputs
    listed = cases(root)
    heard: list[int] = []
    for count in (1, 3, 3):
        with ResultsFile(tmp_path / "results.jsonl", identity()) as results:
            run(
                [Lane(model)],
                output,
                listed[:count],
                opener(model),
                results,
                workers=2,
                at=AT,
                advance=heard.append,
            )
    assert model.assessed == [1, 2]
    assert heard == [0, 1, 1, 2, 3]


def test_a_picture_that_breaks_the_model_takes_none_of_its_batch_along(tmp_path: Path) -> None:
    levels = [(0.5, True)] * 3 + [(0.0, False)] + [(0.5, True)] * 3
    assert len(levels) <= BATCH
    found = read(Strict(), folder(tmp_path, levels))
    assert [record.certainty is None for record in found] == [level == 0 for level, _ in levels]
    assert found[3].reason == "processing failed"
    assert found[3].detail == "too dark"


def test_what_serving_refuses_is_refused_and_what_it_doubts_is_counted(tmp_path: Path) -> None:
    manifest = fake_manifest(
        needs=InputNeeds(modality=("CR",), view=("PA",)),
        population=Population(age_years=(1, 5), outside=Policy.REFUSE, unknown=Policy.FLAG),
    )
    root = folder(
        tmp_path,
        [(0.9, True)] * 4,
        age=["4", "", "70", "4"],
        view=["", "PA", "PA", "LL"],
        sex=["f", "m", "", ""],
        source=["here", "", "", ""],
    )
    known, unknown, old, lateral = read(FakeModel(manifest), root)
    assert known.presence == "present"
    assert (known.age, known.sex, known.source, known.view) == (4.0, "F", "here", "")
    assert unknown.presence == "undetermined"
    assert unknown.certainty == pytest.approx(0.9, abs=0.01)
    assert (old.certainty, old.reason) == (None, "patient age outside the model's population")
    assert (lateral.reason, lateral.view) == ("wrong view", "LL")


def test_unreadable_files_are_counted_and_hold_nothing_up(tmp_path: Path) -> None:
    root = folder(tmp_path, [(0.9, True)] * 3)
    (root / "001.png").write_bytes(b"nothing")
    cut = (root / "002.png").read_bytes()
    (root / "002.png").write_bytes(cut[:60] + b"\0" * 20)
    good, nothing, broken = read(FakeModel(), root)
    assert good.certainty is not None
    assert nothing.reason == "unreadable file"
    assert broken.reason == "unreadable pixel data"


def test_dicom_is_answered_as_the_reader_of_the_service_answers(tmp_path: Path) -> None:
    model = FakeModel(fake_manifest(needs=InputNeeds(modality=("CR",))))
    rows = []
    for index in range(3):
        radiograph(tmp_path / f"{index}.dcm", seed=index, Modality="US" if index == 2 else "CR")
        rows.append({"file": f"{index}.dcm", "label": str(index % 2), "age": "50"})
    (tmp_path / "text.dcm").write_text("no DICOM")
    rows.append({"file": "text.dcm", "label": "0", "age": ""})
    table(tmp_path / "labels.csv", rows)
    listed = read_cases(tmp_path, None, Labels(), NAMES).cases
    opens = Opener(model.manifest, describe, DicomPixelReader())
    (output,) = model.manifest.outputs
    with ResultsFile(tmp_path / "results.jsonl", identity()) as results:
        run([Lane(model)], output, listed, opens, results, workers=2, at=AT)
        found = [each for case in listed if (each := results.find(case))]

    class Files:
        def path(self, key: str) -> Path:
            return Path(key)

    instances = [opens.instance(case, case.path) for case in listed[:3]]
    request = JobRequest("1.2", 1, model.manifest.model, "", Priority.LOW, ())
    serving = Reader(Files(), DicomPixelReader()).read(request, model, instances, AT)
    assert [record.certainty for record in found[:2]] == [
        finding.certainty for finding in serving.result.findings
    ]
    assert found[2].reason == serving.result.refusals[0].reason == "wrong modality"
    assert found[3].reason == "unreadable file"
    first = found[0]
    # The labels' age is for the groups; the header gives what they leave out.
    assert (first.age, first.sex, first.view, first.manufacturer) == (50.0, "F", "AP", "Test")
    assert first.patient_id == PATIENT_ID


def test_a_folder_is_a_series_and_one_case(tmp_path: Path) -> None:
    for name, level in (("a/1.png", 0.9), ("a/2.png", 0.7), ("b/1.png", 0.2), ("b/2.png", 0.1)):
        grey(tmp_path / name, level)
    (tmp_path / "c").mkdir()
    rows = [{"file": name, "label": label} for name, label in (("a", 1), ("b", 0), ("c", 0))]
    table(tmp_path / "labels.csv", rows)
    model = FakeModel(replace(fake_manifest(), reads=Scope.SERIES))
    listed = read_cases(tmp_path, None, Labels("label", "1"), NAMES).cases
    with ResultsFile(tmp_path / "results.jsonl", identity()) as results:
        run(
            [Lane(model)],
            model.manifest.outputs[0],
            listed,
            opener(model),
            results,
            workers=1,
            at=AT,
        )
        a, b, c = (results.find(case) for case in listed)
    assert a is not None
    assert b is not None
    assert c is not None
    assert a.certainty == pytest.approx(0.8, abs=0.01)
    assert b.certainty == pytest.approx(0.15, abs=0.01)
    assert c.certainty is None
    assert c.detail == "the folder holds no images"
    assert model.assessed[0] == 2


def test_lanes_read_side_by_side_and_every_case_once(tmp_path: Path) -> None:
    levels = [(0.02 * index, index % 2 == 0) for index in range(45)]
    root = folder(tmp_path, levels)
    models = [FakeModel() for _ in range(3)]
    listed = cases(root)
    heard: list[int] = []
    with ResultsFile(tmp_path / "results.jsonl", identity()) as results:
        run(
            [Lane(model) for model in models],
            models[0].manifest.outputs[0],
            listed,
            opener(models[0]),
            results,
            workers=2,
            at=AT,
            advance=heard.append,
        )
        found = [results.find(case) for case in listed]
    assert sum(sum(model.assessed) for model in models) == sum(heard) == 45
    for each, (level, _) in zip(found, levels, strict=True):
        assert each is not None
        assert each.certainty == pytest.approx(level, abs=0.01)
