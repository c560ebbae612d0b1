"""The Search transaction: what is asked, what is answered, and what is refused."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest

from dicom_node.dicomweb.query import MAXIMUM
from inference.domain.catalog import Level
from tests.support.origin import OriginServer, radiograph
from tests.unit.dicom_node.images import item

STUDY, OTHER = "1.2.3", "1.2.4"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    with OriginServer(tmp_path_factory.mktemp("origin")) as origin:
        fill(origin)
        yield origin


def fill(origin: OriginServer) -> None:
    requested = item(ScheduledProcedureStepID="SPS1", RequestedProcedureID="RP1")
    for number in (1, 2):
        origin.add(
            radiograph(
                study=STUDY,
                series="1.2.3.1",
                sop_instance=f"1.2.3.1.{number}",
                PatientName="Müller^Jörg",
                PatientID="P1",
                PatientBirthDate="19700101",
                PatientSex="M",
                PatientComments="allergic to peas",
                StudyDate="20260102",
                StudyTime="101112",
                AccessionNumber="A1",
                Modality="DX",
                SeriesNumber=3,
                InstanceNumber=number,
                ProtocolName="Chest PA",
                ImageComments=f"number {number}",
                RequestAttributesSequence=[requested],
            )
        )
    origin.add(radiograph(study=STUDY, series="1.2.3.2", sop_instance="1.2.3.2.1", Modality="PR"))
    origin.add(
        radiograph(
            study=OTHER,
            series="1.2.4.1",
            sop_instance="1.2.4.1.1",
            PatientName="Doe^Jane",
            PatientID="P2",
            StudyDate="20260301",
            StudyTime="2359",
            Modality="CT",
        )
    )


def found(origin: OriginServer, path: str, tag: str = "0020000D") -> list[str]:
    return [each[tag]["Value"][0] for each in origin.json(path)]


def test_a_study_has_all_that_the_standard_asks_for(filled: OriginServer) -> None:
    (study,) = filled.json("/studies?PatientID=P1")
    assert study == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080020": {"vr": "DA", "Value": ["20260102"]},
        "00080030": {"vr": "TM", "Value": ["101112"]},
        "00080050": {"vr": "SH", "Value": ["A1"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00080061": {"vr": "CS", "Value": ["DX", "PR"]},
        "00080062": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]},
        "00080090": {"vr": "PN"},
        "00081190": {"vr": "UR", "Value": [f"{filled.url}/studies/{STUDY}"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00100030": {"vr": "DA", "Value": ["19700101"]},
        "00100040": {"vr": "CS", "Value": ["M"]},
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "00200010": {"vr": "SH"},
        "00201206": {"vr": "IS", "Value": [2]},
        "00201208": {"vr": "IS", "Value": [3]},
    }


def test_a_series_and_an_instance_have_theirs(filled: OriginServer) -> None:
    (series,) = filled.json(f"/studies/{STUDY}/series?Modality=DX")
    assert series["00400275"]["Value"] == [
        {
            "00400009": {"vr": "SH", "Value": ["SPS1"]},
            "00401001": {"vr": "SH", "Value": ["RP1"]},
        }
    ]
    assert series["00201209"]["Value"] == [2]
    assert series["00200011"]["Value"] == [3]
    assert "00100010" not in series
    assert series["00081190"]["Value"][0].endswith(f"/studies/{STUDY}/series/1.2.3.1")
    instance = filled.json(f"/studies/{STUDY}/series/1.2.3.1/instances?InstanceNumber=2")[0]
    assert instance["00080018"]["Value"] == ["1.2.3.1.2"]
    assert instance["00280010"] == {"vr": "US", "Value": [16]}
    assert instance["00280100"] == {"vr": "US", "Value": [16]}
    assert "00201209" not in instance
    whole = filled.json("/instances?SOPInstanceUID=1.2.3.1.2")[0]
    assert whole["00100020"]["Value"] == ["P1"]
    assert whole["00080060"]["Value"] == ["DX"]


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", [OTHER, STUDY]),
        ("PatientName=MULLER^*", [STUDY]),
        ("PatientName=muller%5Ejorg", [STUDY]),
        ("00100010=Doe*", [OTHER]),
        ("PatientName=", [OTHER, STUDY]),
        ("PatientName=*", [OTHER, STUDY]),
        ("StudyDate=20260102", [STUDY]),
        ("StudyDate=20260101-20260131", [STUDY]),
        ("StudyDate=20260201-", [OTHER]),
        ("StudyDate=-20260201", [STUDY]),
        ("StudyTime=10-11", [STUDY]),
        ("StudyDate=20260102-20260301&StudyTime=1200-2300", []),
        ("StudyDate=20260102-20260301&StudyTime=1000-2359", [OTHER, STUDY]),
        (f"StudyInstanceUID={OTHER},{STUDY},1.9", [OTHER, STUDY]),
        (f"StudyInstanceUID={OTHER}%5C1.9", [OTHER]),
        ("ModalitiesInStudy=CT", [OTHER]),
        ("ModalitiesInStudy=CT,PR", [OTHER, STUDY]),
        ("AccessionNumber=%22%22&emptyvaluematching=true", [OTHER]),
        ("PatientID=P1%5CP2&multiplevaluematching=true", [OTHER, STUDY]),
        ("PatientID=p1", []),
        ("PatientID=P?&PatientSex=M", [STUDY]),
        ("StudyDate=20260201-&StudyDate=-20260301", [OTHER]),
        ("limit=1", [OTHER]),
        ("limit=1&offset=1", [STUDY]),
        ("offset=2", []),
        ("limit=0", []),
    ],
)
def test_studies_are_found(filled: OriginServer, query: str, studies: list[str]) -> None:
    assert found(filled, f"/studies?{query}") == studies


@pytest.mark.parametrize(
    ("path", "uids"),
    [
        ("/series", ["1.2.3.1", "1.2.3.2", "1.2.4.1"]),
        ("/series?PatientName=doe*", ["1.2.4.1"]),
        ("/series?RequestAttributesSequence.ScheduledProcedureStepID=SPS1", ["1.2.3.1"]),
        ("/series?00400275.00401001=RP1", ["1.2.3.1"]),
        (f"/studies/{STUDY}/series", ["1.2.3.1", "1.2.3.2"]),
    ],
)
def test_series_are_found(filled: OriginServer, path: str, uids: list[str]) -> None:
    assert found(filled, path, "0020000E") == uids


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/instances", 4),
        ("/instances?Modality=DX", 2),
        (f"/studies/{STUDY}/instances", 3),
        (f"/studies/{STUDY}/series/1.2.3.2/instances", 1),
        (f"/studies/{STUDY}/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.7", 3),
    ],
)
def test_instances_are_found(filled: OriginServer, path: str, count: int) -> None:
    assert len(filled.json(path)) == count


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/studies?PatientNmae=x", 400),
        ("/studies?99999999=x", 400),
        ("/studies?Modality=CT", 400),
        ("/studies?PatientComments=x", 400),
        ("/studies?NumberOfStudyRelatedSeries=1", 400),
        ("/studies?StudyDate=yesterday", 400),
        ("/studies?StudyDate=-", 400),
        ("/studies?StudyTime=9", 400),
        ("/studies?StudyInstanceUID=../../etc/passwd", 400),
        (f"/studies?StudyInstanceUID={STUDY}&StudyInstanceUID={OTHER}", 400),
        ("/studies?PatientID=P1&00100020=P2", 400),
        ("/studies?limit=-1", 400),
        ("/studies?limit=many", 400),
        ("/studies?offset=1e3", 400),
        ("/studies?fuzzymatching=perhaps", 400),
        ("/studies?includefield=PatientNmae", 400),
        (f"/studies?PatientID={'x' * 2000}", 400),
        ("/instances?InstanceNumber=one", 400),
        ("/studies/1.2.x/series", 400),
        ("/studies/9.9.9/series", 404),
        (f"/studies/{STUDY}/series/9.9/instances", 404),
    ],
)
def test_what_is_wrong_is_a_problem(filled: OriginServer, path: str, status: int) -> None:
    answer = filled.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_study_without_matches_is_an_empty_list(filled: OriginServer) -> None:
    assert filled.json(f"/studies/{STUDY}/series?Modality=XX") == []


def test_more_is_warned_of(filled: OriginServer) -> None:
    answer = filled.get("/studies?limit=1")
    assert answer.headers["warning"].startswith(f"299 {filled.url} ")
    assert "additional results" in answer.headers["warning"]
    assert "warning" not in filled.get("/studies?limit=2").headers
    fuzzy = filled.get("/studies?fuzzymatching=true&limit=1").headers["warning"]
    assert "fuzzymatching" in fuzzy
    assert "additional results" in fuzzy


def test_what_is_not_catalogued_is_read_from_the_files(filled: OriginServer) -> None:
    query = "/studies?PatientID=P1&includefield=PatientComments,00104000&includefield=ProtocolName"
    (study,) = filled.json(query)
    assert study["00104000"] == {"vr": "LT", "Value": ["allergic to peas"]}
    assert "00181030" not in study
    series = filled.json(f"/studies/{STUDY}/series?includefield=ProtocolName,ImageComments")[0]
    assert series["00181030"]["Value"] == ["Chest PA"]
    assert "00204000" not in series
    instance = filled.json(f"/studies/{STUDY}/instances?includefield=ImageComments")[1]
    assert instance["00204000"]["Value"] == ["number 2"]
    (everything,) = filled.json("/studies?PatientID=P1&includefield=all")
    assert everything["00104000"]["Value"] == ["allergic to peas"]
    assert "00181030" not in everything
    assert "7FE00010" not in filled.json("/instances?includefield=all")[0]


def test_pages_go_on_where_the_one_before_ended(origin: OriginServer) -> None:
    fill(origin)
    seen = found(origin, "/instances?limit=2", "00080018")
    origin.add(radiograph(study=OTHER, series="1.2.4.1", sop_instance="1.2.4.1.2"))
    seen += found(origin, "/instances?limit=2&offset=2", "00080018")
    seen += found(origin, "/instances?limit=2&offset=4", "00080018")
    assert seen == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.1", "1.2.4.1.1", "1.2.4.1.2"]


def test_there_is_an_end_to_every_answer(origin: OriginServer) -> None:
    assert all(limit <= 10_000 for limit in MAXIMUM.values())
    assert set(MAXIMUM) == set(Level)


def test_json_is_pressed_where_that_is_taken(filled: OriginServer) -> None:
    with filled.client.stream(
        "GET", f"{filled.url}/studies", headers={"Accept-Encoding": "gzip"}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw).startswith(b"[{")
    plain = filled.get("/studies", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/dicom+json", "application/dicom+json"),
        ("application/json", "application/json"),
        ("*/*", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("text/html, application/dicom+json;q=0.5", "application/dicom+json"),
        ('multipart/related; type="application/dicom+xml"', "multipart/related"),
        ("text/html", None),
        ("application/dicom+json;q=0", None),
    ],
)
def test_the_media_type_is_chosen(filled: OriginServer, accept: str, media: str | None) -> None:
    answer = filled.get("/studies", accept)
    if media is None:
        assert answer.status_code == 406
    else:
        assert answer.headers["content-type"].split(";")[0] == media


def test_the_xml_says_the_same(filled: OriginServer) -> None:
    answer = filled.get("/studies?PatientID=P1", 'multipart/related; type="application/dicom+xml"')
    body = answer.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
    names = {"d": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}
    root = ElementTree.fromstring(body)
    family = root.find(".//d:DicomAttribute[@keyword='PatientName']//d:FamilyName", names)
    assert family is not None
    assert family.text == "Müller"
    values: list[Any] = root.findall(".//d:DicomAttribute[@tag='00080061']/d:Value", names)
    assert [each.text for each in values] == ["DX", "PR"]
