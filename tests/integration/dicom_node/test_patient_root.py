"""Query/Retrieve by patients: DCMTK asks in the Patient Root model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.dcmtk import findscu, getscu, movescu
from tests.support.dimse import DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST
from tests.support.servers import StorescpServer

PATIENTS = 130  # more than a page of Studies
JANE = ["1.2.1.1", "1.2.1.2"]


@pytest.fixture(scope="module")
def storescp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorescpServer]:
    with StorescpServer(tmp_path_factory.mktemp("storescp")) as server:
        yield server


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, storescp: StorescpServer) -> Iterator[DimseNode]:
    queries = {"destinations": {"STORESCP": (HOST, storescp.port)}}
    with DimseNode(tmp_path_factory.mktemp("node"), sqlite=True, queries=queries) as node:
        for number in (1, 2):
            add(node, f"1.2.1.{number}", "P1", "Doe^Jane", PatientSex="F", Modality="CT")
        add(node, "1.2.2.1", "P2", "Roe^Richard", PatientSex="M")
        add(node, "1.2.3.1", "", "Nobody^Knows")
        yield node


def add(node: DimseNode, study: str, patient: str, name: str, **attributes: str) -> None:
    node.add(
        radiograph(
            study=study,
            series=f"{study}.1",
            sop_instance=f"{study}.1.1",
            PatientID=patient,
            PatientName=name,
            **attributes,
        )
    )


def find(node: DimseNode, folder: Path, level: str, *keys: str) -> list[dict[str, str]]:
    answers, said = findscu(node.port, level, *keys, directory=folder, root="-P")
    assert "Received Final Find Response (Success)" in said
    return [{each.keyword: str(each.value) for each in answer} for answer in answers]


@pytest.mark.parametrize(
    ("key", "patients"),
    [
        ("PatientName=*", {"P1", "P2"}),
        ("PatientName=doe*", {"P1"}),
        ("PatientSex=M", {"P2"}),
        ("PatientID=P?", {"P1", "P2"}),
        ("PatientID=P9", set()),
    ],
)
def test_each_patient_is_answered_once(
    node: DimseNode, tmp_path: Path, key: str, patients: set[str]
) -> None:
    answers = find(node, tmp_path, "PATIENT", "PatientID", key)
    assert sorted(each["PatientID"] for each in answers) == sorted(patients)
    assert all(each["QueryRetrieveLevel"] == "PATIENT" for each in answers)
    assert all("StudyInstanceUID" not in each for each in answers)


def test_patients_beyond_a_page_are_answered_too(tmp_path: Path) -> None:
    with DimseNode(tmp_path / "node", sqlite=True) as node:
        for number in range(PATIENTS):
            for study in (1, 2):
                add(node, f"1.2.{number + 1}.{study}", f"P{number}", "Doe^Jane")
        answers = find(node, tmp_path / "found", "PATIENT", "PatientID")
    assert {each["PatientID"] for each in answers} == {f"P{each}" for each in range(PATIENTS)}
    assert len(answers) == PATIENTS


def test_keys_of_other_levels_are_told_to_be_ignored(node: DimseNode, tmp_path: Path) -> None:
    answers, said = findscu(
        node.port, "PATIENT", "PatientID=P1", "Modality=MR", directory=tmp_path, root="-P"
    )
    assert [each.PatientID for each in answers] == ["P1"]
    assert "Pending: WarningUnsupportedOptionalKeys" in said


def test_below_a_patient_are_studies_series_and_images(node: DimseNode, tmp_path: Path) -> None:
    studies = find(node, tmp_path / "studies", "STUDY", "PatientID=P1", "StudyInstanceUID")
    assert sorted(each["StudyInstanceUID"] for each in studies) == JANE
    assert {each["PatientID"] for each in studies} == {"P1"}
    series = find(
        node,
        tmp_path / "series",
        "SERIES",
        *("PatientID=P1", "StudyInstanceUID=1.2.1.1", "SeriesInstanceUID", "Modality"),
    )
    assert [(each["SeriesInstanceUID"], each["Modality"]) for each in series] == [
        ("1.2.1.1.1", "CT")
    ]
    assert not find(node, tmp_path / "other", "SERIES", "PatientID=P2", "StudyInstanceUID=1.2.1.1")


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ("STUDY", ["StudyInstanceUID=1.2.1.1"]),
        ("STUDY", ["PatientID=P*", "StudyInstanceUID=1.2.1.1"]),
        ("SERIES", ["PatientID=P1", "SeriesInstanceUID=1.2.1.1.1"]),
    ],
)
def test_the_levels_above_have_to_be_named(
    node: DimseNode, tmp_path: Path, level: str, keys: list[str]
) -> None:
    answers, said = findscu(node.port, level, *keys, directory=tmp_path, root="-P", extra=["-d"])
    assert answers == []
    assert "0xa900" in said.lower()


def test_there_are_no_patients_in_the_study_root(node: DimseNode, tmp_path: Path) -> None:
    _, said = findscu(node.port, "PATIENT", "PatientID=P1", directory=tmp_path, extra=["-d"])
    assert "0xa900" in said.lower()


def test_all_of_a_patient_is_retrieved(
    node: DimseNode, storescp: StorescpServer, tmp_path: Path
) -> None:
    images, _ = getscu(node.port, "PATIENT", "PatientID=P1", directory=tmp_path, root="-P")
    assert sorted(each.StudyInstanceUID for each in images) == JANE
    said = movescu(node.port, "STORESCP", "PATIENT", "PatientID=P1", root="-P")
    assert "Received Final Move Response (Success)" in said
    assert sorted(dcmread(each).StudyInstanceUID for each in storescp.received.iterdir()) == JANE


@pytest.mark.parametrize("keys", [[], ["PatientID"], ["PatientID=*"]])
def test_nobody_retrieves_everybody(node: DimseNode, tmp_path: Path, keys: list[str]) -> None:
    images, said = getscu(node.port, "PATIENT", *keys, directory=tmp_path, root="-P", extra=["-d"])
    assert images == []
    assert "0xa900" in said.lower()
