"""PS3.18 Sections 8.3.4 and 10.6: the Search transaction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.target import Target, clause
from tests.support.studies import FRAMES, IMAGE, OTHER, SERIES, STACK, STUDY


def studies(server: Target, query: str) -> set[str]:
    return {each["0020000D"]["Value"][0] for each in server.json(f"/studies?{query}")}


def values(found: Any, tag: str) -> set[Any]:
    return {each[tag]["Value"][0] for each in found}


@clause("10.6.1", "Studies are searched")
def test_studies(server: Target) -> None:
    assert studies(server, "") == {STUDY, OTHER}


@clause("10.6.1", "Series of a Study are searched")
def test_series_of_a_study(server: Target) -> None:
    assert values(server.json(f"/studies/{STUDY}/series"), "0020000E") == {SERIES, STACK}


@clause("10.6.1", "Series of all Studies are searched")
def test_all_series(server: Target) -> None:
    assert len(server.json("/series")) == 3


@clause("10.6.1", "Instances of a Study are searched")
def test_instances_of_a_study(server: Target) -> None:
    assert len(server.json(f"/studies/{STUDY}/instances")) == 4


@clause("10.6.1", "Instances of a Series are searched")
def test_instances_of_a_series(server: Target) -> None:
    assert len(server.json(f"/studies/{STUDY}/series/{SERIES}/instances")) == 3


@clause("10.6.1", "Instances of all Studies are searched")
def test_all_instances(server: Target) -> None:
    assert len(server.json("/instances")) == 5


@clause("10.6.3.3", "A Study has every required attribute")
def test_attributes_of_a_study(server: Target) -> None:
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}")
    required = (
        "00080020 00080030 00080050 00080056 00080061 00080090 00081190 "
        "00100010 00100020 00100030 00100040 0020000D 00200010 00201206 00201208"
    )
    assert [each for each in required.split() if each not in study] == []
    assert study["00081190"]["Value"][0].endswith(f"/studies/{STUDY}")


@clause("10.6.3.3", "A Series has every required attribute")
def test_attributes_of_a_series(server: Target) -> None:
    (series,) = server.json(f"/studies/{STUDY}/series?SeriesInstanceUID={SERIES}")
    required = "00080060 00081190 0020000E 00200011 00201209 00400275"
    assert [each for each in required.split() if each not in series] == []
    item = series["00400275"]["Value"][0]
    assert item["00400009"]["Value"] == ["SPS-1"]


@clause("10.6.3.3", "An Instance has every required attribute")
def test_attributes_of_an_instance(server: Target) -> None:
    (found,) = server.json(f"/studies/{STUDY}/series/{STACK}/instances")
    required = "00080016 00080018 00080056 00081190 00200013 00280008 00280010 00280011 00280100"
    assert [each for each in required.split() if each not in found] == []


@clause("10.6.3.3", "Counts of Series and Instances are right")
def test_counts(server: Target) -> None:
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}")
    assert int(study["00201206"]["Value"][0]) == 2
    assert int(study["00201208"]["Value"][0]) == 4


@clause("10.6.3.3", "Modalities in Study has all of them")
def test_modalities(server: Target) -> None:
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}")
    assert set(study["00080061"]["Value"]) == {"DX", "CT"}


@clause("10.6.3.3", "Series of all Studies have the attributes of their Study")
def test_attributes_above(server: Target) -> None:
    (series,) = server.json(f"/series?SeriesInstanceUID={SERIES}")
    assert series["00100020"]["Value"] == ["P-1"]


@clause("10.6.3.3", "Attributes of lower levels are not returned")
def test_no_attributes_below(server: Target) -> None:
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}&includefield=SOPInstanceUID")
    assert "00080018" not in study


@clause("8.3.4.1", "Attributes are named by keyword, or by tag")
def test_keyword_or_tag(server: Target) -> None:
    assert studies(server, "PatientID=P-1") == studies(server, "00100020=P-1") == {STUDY}


@clause("8.3.4.1", "Attributes within a sequence are matched")
def test_within_a_sequence(server: Target) -> None:
    path = "/series?RequestAttributesSequence.ScheduledProcedureStepID="
    assert values(server.json(f"{path}SPS-1"), "0020000E") == {SERIES, STACK}
    assert server.json(f"{path}SPS-2") == []


@clause("8.3.4.1", "A list of UIDs is matched")
def test_uid_list(server: Target) -> None:
    assert studies(server, f"StudyInstanceUID={STUDY},{OTHER},1.9") == {STUDY, OTHER}


@clause("8.3.4.1", "A single value is matched")
@pytest.mark.parametrize(
    "query", ["PatientID=P-1", "AccessionNumber=A-1", "StudyID=S-1", "StudyDate=20260102"]
)
def test_single_value(server: Target, query: str) -> None:
    assert studies(server, query) == {STUDY}


@clause("8.3.4.1", "Wildcards are matched")
@pytest.mark.parametrize("query", ["PatientName=M*", "PatientID=?-1", "PatientName=*J%C3%B6rg"])
def test_wildcards(server: Target, query: str) -> None:
    assert studies(server, query) == {STUDY}


@clause("8.3.4.1", "Ranges of dates are matched")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("StudyDate=20260101-20260131", {STUDY}),
        ("StudyDate=20260201-", {OTHER}),
        ("StudyDate=-20260201", {STUDY}),
    ],
)
def test_date_range(server: Target, query: str, found: set[str]) -> None:
    assert studies(server, query) == found


@clause("8.3.4.1", "Ranges of times are matched")
def test_time_range(server: Target) -> None:
    assert studies(server, "StudyTime=100000-110000") == {STUDY}


@clause("8.3.4.1", "Modalities in Study is matched")
def test_modalities_are_matched(server: Target) -> None:
    assert studies(server, "ModalitiesInStudy=CT") == {STUDY}


@clause("8.3.4.1", "An empty value matches all, and the attribute is returned")
def test_universal_matching(server: Target) -> None:
    found = server.json("/studies?PatientID=")
    assert len(found) == 2
    assert all("00100020" in each for each in found)


@clause("8.3.4.1", "Series and Instances are matched by attributes of their Study")
def test_matching_above(server: Target) -> None:
    assert values(server.json("/series?PatientID=P-2"), "0020000E") == {f"{OTHER}.1"}
    assert len(server.json("/instances?PatientID=P-1")) == 4


@clause("8.3.4.1", "Instances are matched by SOP Instance UID and Instance Number")
def test_instances_are_matched(server: Target) -> None:
    assert len(server.json(f"/instances?SOPInstanceUID={IMAGE}")) == 1
    assert len(server.json(f"/studies/{STUDY}/series/{SERIES}/instances?InstanceNumber=2")) == 1


@clause("8.3.4.2", "Fuzzy matching is done, or a warning says that it was not")
def test_fuzzy_matching(server: Target) -> None:
    answer = server.get("/studies?PatientName=muller%5Ejorg&fuzzymatching=true")
    found = answer.json() if answer.status_code == 200 else []
    assert "299" in answer.headers.get("warning", "") or len(found) == 1


@clause("8.3.4.3", "Attributes are included by keyword and tag")
def test_included(server: Target) -> None:
    for name in ("PatientComments", "00104000"):
        (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}&includefield={name}")
        assert study["00104000"]["Value"] == ["none"]


@clause("8.3.4.3", "includefield may list several attributes")
def test_included_list(server: Target) -> None:
    fields = "PatientComments,StudyDescription"
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}&includefield={fields}")
    assert {"00104000", "00081030"} <= set(study)


@clause("8.3.4.3", "includefield=all")
def test_included_all(server: Target) -> None:
    (study,) = server.json(f"/studies?StudyInstanceUID={STUDY}&includefield=all")
    assert "00081030" in study


@clause("8.3.4.4", "limit and offset cut pages out of the list")
def test_pages(server: Target) -> None:
    whole = server.json("/instances")
    pages = [server.json(f"/instances?limit=2&offset={each}") for each in (0, 2, 4)]
    assert [len(each) for each in pages] == [2, 2, 1]
    seen = [each["00080018"]["Value"][0] for page in pages for each in page]
    assert seen == [each["00080018"]["Value"][0] for each in whole]


@clause("8.3.4.4", "A warning says that there is more than was returned")
def test_more(server: Target) -> None:
    assert "299" in server.get("/studies?limit=1").headers.get("warning", "")


@clause("8.3.4.5", "Empty values are matched, or a warning says that they were not")
def test_empty_values(server: Target) -> None:
    answer = server.get("/studies?AccessionNumber=%22%22&emptyvaluematching=true")
    found = answer.json() if answer.status_code == 200 else []
    assert "299" in answer.headers.get("warning", "") or values(found, "0020000D") == {OTHER}


@clause("8.3.4.6", "Several values are matched, or a warning says that they were not")
def test_several_values(server: Target) -> None:
    answer = server.get("/studies?PatientID=P-1%5CP-2&multiplevaluematching=true")
    found = answer.json() if answer.status_code == 200 else []
    assert "299" in answer.headers.get("warning", "") or len(found) == 2


@clause("10.6.3.1", "No match is no error")
def test_no_match(server: Target) -> None:
    answer = server.get("/studies?PatientID=nobody")
    assert answer.status_code == 204 or answer.json() == []


@clause("10.6.3.1", "An attribute that does not exist is refused: 400")
def test_unknown_attribute(server: Target) -> None:
    assert server.get("/studies?NoSuchAttribute=x").status_code == 400


@clause("10.6.3.1", "A value that is malformed is refused: 400")
@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "StudyDate=tomorrow"])
def test_malformed_value(server: Target, query: str) -> None:
    assert server.get(f"/studies?{query}").status_code == 400


@clause("8.7.3.2", "Answers are application/dicom+json")
def test_json(server: Target) -> None:
    answer = server.get("/studies", "application/dicom+json")
    assert answer.headers["content-type"].split(";")[0] == "application/dicom+json"


@clause("8.7.3.2", "Answers are multipart application/dicom+xml where that is asked for")
def test_xml(server: Target) -> None:
    answer = server.get("/studies", 'multipart/related; type="application/dicom+xml"')
    assert answer.headers["content-type"].startswith("multipart/related")
    assert b"NativeDicomModel" in answer.content


@clause("8.7.5", "A media type that cannot be made is not acceptable: 406")
def test_not_acceptable(server: Target) -> None:
    assert server.get("/studies", "image/png").status_code == 406


@clause("8.3.3.1", "The accept parameter goes before the header")
def test_accept_parameter(server: Target) -> None:
    url = f"/studies/{STUDY}/series/{STACK}/instances/{FRAMES}/frames/1/rendered"
    answer = server.get(f"{url}?accept=image/png", "image/jpeg")
    assert answer.headers["content-type"] == "image/png"
