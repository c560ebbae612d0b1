"""When a study is complete, and what a late image does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph


def _burst(folder: Path, name: str, study: str, count: int = 2) -> list[Path]:
    files = [folder / f"{name}-{number}.dcm" for number in range(count)]
    series = generate_uid()
    for number, file in enumerate(files):
        radiograph(file, study=study, series=series, InstanceNumber=number + 1, seed=number)
    return files


def test_three_bursts_are_one_revision_and_a_late_one_makes_a_second_report(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    study = generate_uid()
    node = make_node(quiet_seconds=4)
    for name in ("first", "second", "third"):
        storescu(_burst(tmp_path, name, study), node.port, called="WETREAD")
        seen = node.status()["studies"][0]
        assert seen["state"] == "receiving"
        assert seen["jobs"] == []
    (first,) = node.settle(1)["studies"]
    assert first["revision"] == 1
    assert first["instances"] == 6
    assert len(first["jobs"]) == 1

    storescu(_burst(tmp_path, "late", study, 1), node.port, called="WETREAD")
    wait_for(lambda: node.status()["account"]["revisions"] == 2, "a second revision", every=0.2)
    (second,) = node.settle(1)["studies"]
    assert [job["revision"] for job in second["jobs"]] == [2, 1]
    reports = {
        str(each.SOPInstanceUID): each for each in map(pydicom.dcmread, node.results("report"))
    }
    new, old = (
        next(each["sop_instance_uid"] for each in job["objects"] if each["role"] == "report")
        for job in second["jobs"]
    )
    assert "PredecessorDocumentsSequence" not in reports[old]
    (predecessor,) = reports[new].PredecessorDocumentsSequence
    named = predecessor.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert str(named.ReferencedSOPInstanceUID) == old


def test_a_restart_forgets_no_quiet_period(make_node: Callable[..., Node], tmp_path: Path) -> None:
    node = make_node(quiet_seconds=3)
    storescu(_burst(tmp_path, "only", generate_uid()), node.port, called="WETREAD")
    node.kill()
    node.start()
    (study,) = node.settle(1)["studies"]
    assert study["instances"] == 2


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that waits an hour for further images, or for two views."""
    rule = {
        "name": "two views",
        "model": "cxr-pneumonia",
        "modality": ["CR"],
        "waits_for": [{"series_description": "^AP$"}, {"series_description": "^LAT$"}],
    }
    with Node(tmp_path_factory.mktemp("patient"), quiet_seconds=3600, rules=[rule]) as node:
        yield node


def _of(node: Node, study: str) -> dict[str, Any]:
    return next(each for each in node.status()["studies"] if each["study_instance_uid"] == study)


def test_an_operator_may_say_that_a_study_is_complete(patient: Node, tmp_path: Path) -> None:
    study = generate_uid()
    storescu(_burst(tmp_path, "only", study), patient.port, called="WETREAD")
    done = patient.run("complete", study)
    assert done.returncode == 0, done.stderr
    patient.settle(1)
    assert _of(patient, study)["state"] == "stable"
    assert patient.run("complete", study).returncode == 1


def test_a_rule_that_waits_for_a_series_completes_the_study_when_it_is_there(
    patient: Node, tmp_path: Path
) -> None:
    study = generate_uid()
    radiograph(tmp_path / "ap.dcm", study=study, SeriesDescription="AP")
    storescu([tmp_path / "ap.dcm"], patient.port, called="WETREAD")
    assert _of(patient, study)["state"] == "receiving"
    radiograph(tmp_path / "lat.dcm", study=study, SeriesDescription="LAT", ViewPosition="LL")
    storescu([tmp_path / "lat.dcm"], patient.port, called="WETREAD")
    patient.settle(1)
    (job,) = _of(patient, study)["jobs"]
    assert job["state"] == "done"
    assert len(job["findings"]) == 1
    assert "View Position is LL" in job["reasons"][0]
