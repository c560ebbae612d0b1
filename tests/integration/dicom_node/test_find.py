"""C-FIND, asked by DCMTK's findscu and by pynetdicom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from tests.support.dcmtk import findscu
from tests.support.dimse import AE_TITLE, DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST
from tests.unit.dicom_node.images import item

FIND = StudyRootQueryRetrieveInformationModelFind
JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DimseNode]:
    with DimseNode(tmp_path_factory.mktemp("node"), sqlite=True) as node:
        fill(node)
        yield node


def fill(node: DimseNode) -> None:
    for number in (1, 2):
        node.add(
            radiograph(
                study="1.2.3",
                series="1.2.3.1",
                sop_instance=f"1.2.3.1.{number}",
                SpecificCharacterSet="ISO_IR 100",
                PatientName="Müller^Jörg",
                PatientID="P1",
                PatientSex="M",
                StudyDate="20260102",
                StudyTime="233000",
                AccessionNumber="A1",
                StudyDescription="Thorax",
                Modality="DX",
                SeriesNumber=3,
                InstanceNumber=number,
                RequestAttributesSequence=[
                    item(ScheduledProcedureStepID="SPS1", RequestedProcedureID="RP1")
                ],
            )
        )
    node.add(radiograph(study="1.2.3", series="1.2.3.2", sop_instance="1.2.3.2.1", Modality="PR"))
    node.add(
        radiograph(
            study="1.2.4",
            series="1.2.4.1",
            sop_instance="1.2.4.1.1",
            PatientName="Doe^Jane",
            PatientID="P2",
            StudyDate="20260103",
            StudyTime="003000",
            AccessionNumber="A2",
            Modality="CR",
        )
    )
    node.add(
        radiograph(
            study="1.2.5",
            series="1.2.5.1",
            sop_instance="1.2.5.1.1",
            SpecificCharacterSet="ISO_IR 192",
            PatientName=JAPANESE,
            PatientID="P3",
            StudyDate="20260301",
            StudyTime="120000",
            Modality="CT",
        )
    )


@pytest.mark.parametrize(
    ("key", "studies"),
    [
        ("PatientID=P1", ["1.2.3"]),
        ("PatientID=P?", ["1.2.5", "1.2.4", "1.2.3"]),
        ("PatientID=p1", []),
        ("PatientName=MULLER^J*", ["1.2.3"]),
        ("PatientName=doe^jane", ["1.2.4"]),
        ("PatientName=*", ["1.2.5", "1.2.4", "1.2.3"]),
        ("PatientName", ["1.2.5", "1.2.4", "1.2.3"]),
        ("StudyDate=20260102", ["1.2.3"]),
        ("StudyDate=20260102-20260110", ["1.2.4", "1.2.3"]),
        ("StudyDate=-20260102", ["1.2.3"]),
        ("StudyDate=20260104-", ["1.2.5"]),
        ("StudyTime=23-", ["1.2.3"]),
        ("AccessionNumber=A*", ["1.2.4", "1.2.3"]),
        ("ModalitiesInStudy=PR", ["1.2.3"]),
        ("ModalitiesInStudy=CR\\PR", ["1.2.4", "1.2.3"]),
        ("StudyInstanceUID=1.2.3\\1.2.5\\1.2.99", ["1.2.5", "1.2.3"]),
        ("StudyInstanceUID=1.2.99", []),
    ],
)
def test_studies_by_key(node: DimseNode, tmp_path: Path, key: str, studies: list[str]) -> None:
    answers, said = findscu(node.port, "STUDY", key, directory=tmp_path)
    assert [each.StudyInstanceUID for each in answers] == studies
    assert "Received Final Find Response (Success)" in said
    assert "Unsupported" not in said


@pytest.mark.parametrize("name", ["=山田^太郎", "=山田*", "==やまだ*", "=山田^太郎=やまだ^たろう"])
def test_a_name_is_found_by_its_ideographic_or_phonetic_group_alone(
    node: DimseNode, tmp_path: Path, name: str
) -> None:
    keys = ("SpecificCharacterSet=ISO_IR 192", f"PatientName={name}")
    answers, _ = findscu(node.port, "STUDY", *keys, directory=tmp_path)
    assert [each.StudyInstanceUID for each in answers] == ["1.2.5"]


def test_an_answer_has_what_was_asked_for(node: DimseNode, tmp_path: Path) -> None:
    (answer,), _ = findscu(
        node.port,
        "STUDY",
        "StudyInstanceUID=1.2.3",
        *("PatientID", "PatientBirthDate", "ModalitiesInStudy", "SOPClassesInStudy"),
        *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
        directory=tmp_path,
    )
    assert {each.keyword: each.value for each in answer} == {
        "QueryRetrieveLevel": "STUDY",
        "RetrieveAETitle": AE_TITLE,
        "InstanceAvailability": "ONLINE",
        "ModalitiesInStudy": ["DX", "PR"],
        "SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.7",
        "PatientID": "P1",
        "PatientBirthDate": "",
        "StudyInstanceUID": "1.2.3",
        "NumberOfStudyRelatedSeries": 2,
        "NumberOfStudyRelatedInstances": 3,
    }


@pytest.mark.parametrize("syntax", ["-xe", "-xi"])
def test_series_and_instances(node: DimseNode, tmp_path: Path, syntax: str) -> None:
    series, _ = findscu(
        node.port,
        "SERIES",
        *("StudyInstanceUID=1.2.3", "SeriesInstanceUID", "Modality", "SeriesNumber"),
        *("NumberOfSeriesRelatedInstances", "PatientID"),
        "RequestAttributesSequence[0].ScheduledProcedureStepID",
        directory=tmp_path / "series",
        extra=[syntax],
    )
    assert [(each.SeriesInstanceUID, each.Modality) for each in series] == [
        ("1.2.3.1", "DX"),
        ("1.2.3.2", "PR"),
    ]
    first = series[0]
    assert (first.SeriesNumber, first.NumberOfSeriesRelatedInstances) == (3, 2)
    assert first.PatientID == "P1"
    assert first.RequestAttributesSequence[0].ScheduledProcedureStepID == "SPS1"
    assert "RequestedProcedureID" not in first.RequestAttributesSequence[0]
    instances, said = findscu(
        node.port,
        "IMAGE",
        *("StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.1", "SOPInstanceUID"),
        *("SOPClassUID", "InstanceNumber", "Rows", "NumberOfFrames"),
        directory=tmp_path / "instances",
        extra=[syntax],
    )
    assert [(each.SOPInstanceUID, each.InstanceNumber, each.Rows) for each in instances] == [
        ("1.2.3.1.1", 1, 16),
        ("1.2.3.1.2", 2, 16),
    ]
    assert instances[0].NumberOfFrames is None
    assert "Unsupported" not in said
    one, _ = findscu(
        node.port,
        "SERIES",
        *("StudyInstanceUID=1.2.3", "Modality=PR", "SeriesInstanceUID"),
        directory=tmp_path / "one",
    )
    assert [each.SeriesInstanceUID for each in one] == ["1.2.3.2"]


@pytest.mark.parametrize(
    ("asked", "key", "answered"),
    [
        ("ISO_IR 100", "M\udcdcLLER*", "ISO_IR 100"),
        ("ISO_IR 192", "MÜLLER*", "ISO_IR 192"),
        ("ISO_IR 144", "MULLER*", "ISO_IR 192"),  # Cyrillic has no ü
        ("", "MULLER*", "ISO_IR 192"),
    ],
)
def test_accents_in_the_character_set_that_was_asked_for(
    node: DimseNode, tmp_path: Path, asked: str, key: str, answered: str
) -> None:
    keys = [f"SpecificCharacterSet={asked}"] if asked else []
    (answer,), _ = findscu(node.port, "STUDY", *keys, f"PatientName={key}", directory=tmp_path)
    assert answer.SpecificCharacterSet == answered
    assert answer.PatientName == "Müller^Jörg"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("\\ISO 2022 IR 87", ["", "ISO 2022 IR 87"]), ("ISO_IR 100", "ISO_IR 192")],
)
def test_ideographic_names(node: DimseNode, tmp_path: Path, asked: str, answered: Any) -> None:
    (answer,), _ = findscu(
        node.port,
        "STUDY",
        f"SpecificCharacterSet={asked}",
        "PatientName=yamada*",
        directory=tmp_path,
    )
    assert answer.SpecificCharacterSet == answered
    assert str(answer.PatientName) == JAPANESE


def test_a_key_that_is_not_catalogued_is_told_and_not_returned(
    node: DimseNode, tmp_path: Path
) -> None:
    (answer,), said = findscu(
        node.port, "STUDY", "StudyInstanceUID=1.2.4", "InstitutionName", directory=tmp_path
    )
    assert "Pending: WarningUnsupportedOptionalKeys" in said
    assert "InstitutionName" not in answer


@pytest.mark.parametrize(
    ("level", "keys", "comment"),
    [
        ("SERIES", ["SeriesInstanceUID"], "StudyInstanceUID has to be a single value"),
        ("IMAGE", ["StudyInstanceUID=1.2.3"], "SeriesInstanceUID has to be a single value"),
        ("SERIES", ["StudyInstanceUID=1.2.3\\1.2.4"], "StudyInstanceUID has to be a single"),
        ("SERIES", ["StudyInstanceUID=*"], "StudyInstanceUID has to be a single value"),
        ("PATIENT", ["PatientID"], "none of STUDY, SERIES, IMAGE"),
        ("STUDY", ["StudyDate=yesterday"], "StudyDate is neither a date nor a range"),
        ("STUDY", ["StudyInstanceUID=1.2.*"], "is not a DICOM UID"),
    ],
)
def test_what_cannot_be_asked(
    node: DimseNode, tmp_path: Path, level: str, keys: list[str], comment: str
) -> None:
    answers, said = findscu(node.port, level, *keys, directory=tmp_path, extra=["-d"])
    assert answers == []
    assert "0xa900" in said.lower()
    assert comment in said


def test_who_may_query_is_configured(tmp_path: Path) -> None:
    with DimseNode(tmp_path / "node", queries={"query_ae_titles": ["PACS"]}) as node:
        _, said = findscu(node.port, "STUDY", "StudyInstanceUID", directory=tmp_path / "other")
        assert "0x124" in said
        _, said = findscu(
            node.port, "STUDY", "StudyInstanceUID", directory=tmp_path / "pacs", calling="PACS"
        )
        assert "Received Final Find Response (Success)" in said


def asked(node: DimseNode, agreed: bytes | None, **keys: str) -> list[str] | int:
    """Ask by pynetdicom, with extended negotiation; return the Studies, or the failure."""
    ae = AE("FINDSCU")
    ae.add_requested_context(FIND)
    items = []
    if agreed is not None:
        negotiation = SOPClassExtendedNegotiation()
        negotiation.sop_class_uid = FIND
        negotiation.service_class_application_information = agreed
        items.append(negotiation)
    association = ae.associate(HOST, node.port, ae_title=AE_TITLE, ext_neg=items)
    assert association.is_established
    if agreed is not None:
        accepted = association.acceptor.sop_class_extended[FIND]
        assert accepted == bytes([agreed[0], agreed[1], 0])
    query = Dataset()
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    answers = list(association.send_c_find(query, FIND))
    association.release()
    status = answers[-1][0].Status
    return (
        status
        if status
        else [str(each.StudyInstanceUID) for _, each in answers[:-1] if each is not None]
    )


def test_date_and_time_are_one_where_that_was_negotiated(node: DimseNode) -> None:
    night = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": "",
        "StudyDate": "20260102-20260103",
        "StudyTime": "230000-010000",
    }
    assert asked(node, None, **night) == []
    assert asked(node, b"\0\1\1", **night) == ["1.2.4", "1.2.3"]


def test_relational_queries_where_they_were_negotiated(node: DimseNode) -> None:
    keys = {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": "", "Modality": "PR"}
    assert asked(node, None, **keys) == 0xA900
    assert asked(node, b"\1\0\1", **keys) == ["1.2.3"]


STUDIES = 10_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DimseNode]:
    queries = {"maximum_matches": STUDIES}
    with DimseNode(tmp_path_factory.mktemp("large"), sqlite=True, queries=queries) as node:
        node.catalogue(STUDIES)
        yield node


KEYS = ("StudyInstanceUID", "PatientName", "NumberOfStudyRelatedInstances")


def test_ten_thousand_studies_are_listed_completely(large: DimseNode) -> None:
    _, said = findscu(large.port, "STUDY", *KEYS)
    studies = re.findall(r"UI \[1\.2\.3\.(\d+)\0?\]", said)
    assert [int(each) for each in studies] == list(reversed(range(STUDIES)))
    assert "Received Final Find Response (Success)" in said


def test_one_more_than_the_maximum_is_a_failure(large: DimseNode, tmp_path: Path) -> None:
    large.catalogue(1, "1.2.4")
    _, said = findscu(large.port, "STUDY", *KEYS, directory=tmp_path, extra=["-Xlo", "1"])
    assert said.count("(Pending)") == STUDIES
    assert "Success)" not in said.split("Final Find Response")[-1]
    assert "OutOfResources" in said


def test_a_cancel_ends_the_answers(large: DimseNode, tmp_path: Path) -> None:
    answers, said = findscu(
        large.port, "STUDY", *KEYS, directory=tmp_path, extra=["--cancel", "3", "-Xlo", "10"]
    )
    assert len(answers) >= 3
    assert said.count("(Pending)") < STUDIES
    assert "Cancel: MatchingTerminatedDueToCancelRequest" in said
