"""UPS-RS: whatever is no workitem is refused, and nothing breaks the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.domain import workitem as ups
from inference.domain.workitem import element
from inference.domain.workitem_event import FILTERED, GLOBAL
from tests.support.origin import OriginServer, send
from tests.support.worklist import new_step

JSON = "application/dicom+json"
XML = "application/dicom+xml"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    with OriginServer(tmp_path_factory.mktemp("ups"), sqlite=True) as started:
        yield started


REFUSED: list[tuple[str, Any]] = [
    ("nothing", b""),
    ("no JSON", b"{"),
    ("no UTF-8", b'{"00100020": "\xff"}'),
    ("two data sets", [{}, {}]),
    ("none", []),
    ("no data set", [1]),
    ("no number", b'[{"00101020": {"vr": "DS", "Value": [NaN]}}]'),
    ("an endless number", b'[{"00101020": {"vr": "DS", "Value": [1e999]}}]'),
    ("a long number", b'[{"00200013": {"vr": "IS", "Value": [' + b"9" * 5000 + b"]}}]"),
    ("deep brackets", b"[" * 100_000),
    ("deep sequences", b'[{"0040A730":{"vr":"SQ","Value":' * 500),
    ("no tag", new_step(PatientID=element("LO", "1"))),
    ("a command", new_step(**{"00000002": element("UI", "1.2")})),
    ("no vr", new_step(**{ups.PATIENT_ID: {"Value": ["1"]}})),
    ("another vr", new_step(**{ups.PATIENT_ID: element("CS", "1")})),
    ("no list", new_step(**{ups.PATIENT_ID: {"vr": "LO", "Value": "1"}})),
    ("a number for text", new_step(**{ups.PATIENT_ID: element("LO", 1)})),
    ("long text", new_step(**{ups.PATIENT_ID: element("LO", "x" * 65)})),
    ("NUL", new_step(**{ups.PATIENT_ID: element("LO", "\0")})),
    ("half a character", b'[{"00100020": {"vr": "LO", "Value": ["\\ud800"]}}]'),
    ("text for a name", new_step(**{ups.PATIENT_NAME: element("PN", "Doe^Jane")})),
    ("an odd group", new_step(**{ups.PATIENT_NAME: element("PN", {"Latin": "Doe"})})),
    ("a list for a group", new_step(**{ups.PATIENT_NAME: element("PN", {"Alphabetic": []})})),
    ("no UID", new_step(**{ups.STUDY_UID: element("UI", "../../etc")})),
    ("no date", new_step(**{ups.PATIENT_BIRTH_DATE: element("DA", "yesterday")})),
    ("no time", new_step(**{ups.START: element("DT", "soon")})),
    ("text for an item", new_step(**{ups.INPUTS: element("SQ", "x")})),
    ("truth for a number", new_step(**{"00280010": element("US", True)})),
    ("bulk data", new_step(**{"00420011": {"vr": "OB", "BulkDataURI": "http://127.0.0.1/"}})),
    ("binary data", new_step(**{"00420011": {"vr": "OB", "InlineBinary": "AAAA"}})),
    ("an unknown vr", new_step(**{"00091001": element("ZZ", "1")})),
    ("no state", {**new_step(), ups.STATE: element("CS")}),
    ("another priority", new_step(**{ups.PRIORITY: element("CS", "STAT")})),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_is_no_workitem_is_refused(shared: OriginServer, name: str, said: Any) -> None:
    answer = send(shared, "POST", "/workitems?2.25.1", said)
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert send(shared, "GET", "/workitems/2.25.1").status_code == 404


XMLS = {
    "nothing": b"",
    "no XML": b"<NativeDicomModel",
    "another root": b"<html/>",
    "a document type": b'<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel>&a;</NativeDicomModel>',
    "deep": b"<NativeDicomModel>" + b"<a>" * 100_000,
    "no number": b'<NativeDicomModel><DicomAttribute tag="00100020" vr="LO"><Value>1</Value>'
    b"</DicomAttribute></NativeDicomModel>",
    "no tag": b'<NativeDicomModel><DicomAttribute vr="LO"/></NativeDicomModel>',
    "bulk data": b'<NativeDicomModel><DicomAttribute tag="00420011" vr="OB"><BulkData uri="x"/>'
    b"</DicomAttribute></NativeDicomModel>",
    "an encoding": b'<?xml version="1.0" encoding="made-up"?><NativeDicomModel/>',
}


@pytest.mark.parametrize("name", XMLS)
def test_what_is_no_xml_of_a_workitem_is_refused(shared: OriginServer, name: str) -> None:
    answer = send(shared, "POST", "/workitems?2.25.1", XMLS[name], Content_Type=XML)
    assert answer.status_code == 400, (answer.status_code, answer.text)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("", b"{}", 415),
        ("text/html", b"{}", 415),
        ("application/dicom", b"DICM", 415),
        (f'multipart/related; type="{XML}"', b"", 400),
        (f'multipart/related; type="{JSON}"; boundary=b', b"", 415),
        (f'multipart/related; type="{XML}"; boundary=b', b"--b\r\n\r\n<x/>", 400),
        (f'multipart/related; type="{XML}"; boundary=b', b"--b--", 400),
    ],
)
def test_other_types_of_messages_are_refused(
    shared: OriginServer, content_type: str, body: bytes, status: int
) -> None:
    answer = send(shared, "POST", "/workitems", body, Content_Type=content_type)
    assert answer.status_code == status, answer.text


def test_nothing_is_inflated_and_nothing_is_endless(shared: OriginServer) -> None:
    answer = send(shared, "POST", "/workitems", b"\x1f\x8b", Content_Encoding="gzip")
    assert answer.status_code == 415
    assert send(shared, "POST", "/workitems", b" " * (5 << 20)).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * (64 << 10)

    headers = {"Content-Type": JSON}
    answer = shared.client.post(f"{shared.url}/workitems", content=chunks(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/workitems/1.2.x"),
        ("GET", f"/workitems/{'1' * 65}"),
        ("POST", "/workitems?workitem=x"),
        ("POST", "/workitems/1.2.x"),
        ("PUT", "/workitems/1.2.x/state"),
        ("POST", "/workitems/1.2.x/cancelrequest"),
        ("POST", "/workitems/2.25.1/cancelrequest?requester=a%5Cb"),
        ("POST", "/workitems/2.25.1/subscribers/an%20AE%20title%20of%20too%20many"),
        ("POST", "/workitems/2.25.1/subscribers/%20"),
        ("POST", "/workitems/2.25.1/subscribers/%C3%84"),
        ("DELETE", "/workitems/1.2.x/subscribers/AE"),
        ("POST", f"/workitems/{GLOBAL}/subscribers/AE?deletionlock=maybe"),
        ("POST", f"/workitems/{GLOBAL}/subscribers/AE?filter=PatientID=1"),
        ("POST", f"/workitems/{FILTERED}/subscribers/AE"),
        ("POST", f"/workitems/{FILTERED}/subscribers/AE?filter=PatientID"),
        ("POST", f"/workitems/{FILTERED}/subscribers/AE?filter=PatientID=*"),
        ("POST", f"/workitems/{FILTERED}/subscribers/AE?filter=Rows=1"),
        ("POST", "/workitems/2.25.1/subscribers/AE/suspend"),
        ("GET", "/workitems?limit=-1"),
        ("GET", "/workitems?Rows=1"),
        ("GET", "/workitems?NoSuchAttribute=1"),
        ("GET", "/workitems?includefield=NoSuchAttribute"),
        ("GET", "/workitems?StudyInstanceUID=x"),
        ("GET", "/workitems?PatientBirthDate=1.1.70"),
        ("GET", "/workitems?ScheduledProcedureStepStartDateTime=soon"),
        ("GET", "/workitems?ScheduledProcedureStepStartDateTime=-"),
        ("GET", f"/workitems?PatientID={'x' * 300}"),
        ("GET", "/workitems?multiplevaluematching=true&PatientID=a*%5Cb"),
        ("GET", "/workitems?" + "&".join(["PatientID=1"] * 40)),
        ("GET", "/workitems?ScheduledWorkitemCodeSequence=1"),
    ],
)
def test_what_is_malformed_is_refused(shared: OriginServer, method: str, path: str) -> None:
    said: Any = {} if method in ("POST", "PUT") and "subscribers" not in path else None
    answer = send(shared, method, path, said)
    assert answer.status_code == 400, (answer.status_code, answer.text)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/workitems/2.25.404"),
        ("POST", "/workitems/2.25.404"),
        ("PUT", "/workitems/2.25.404/state"),
        ("POST", "/workitems/2.25.404/cancelrequest"),
        ("POST", "/workitems/2.25.404/subscribers/AE"),
        ("DELETE", "/workitems/2.25.404/subscribers/AE"),
        ("DELETE", f"/workitems/{GLOBAL}/subscribers/NOBODY"),
        ("POST", f"/workitems/{FILTERED}/subscribers/NOBODY/suspend"),
    ],
)
def test_what_is_not_there_is_not_found(shared: OriginServer, method: str, path: str) -> None:
    said = {ups.STATE: element("CS", "IN PROGRESS"), ups.TRANSACTION_UID: element("UI", "1.2")}
    body = None if "subscribers" in path or method == "GET" else said
    body = {} if path.endswith(("cancelrequest", "404")) and method == "POST" else body
    assert send(shared, method, path, body).status_code == 404


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", ups.INPUTS, ups.PATIENT_NAME, ups.START, "x"])
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, st.sampled_from([ups.PATIENT_NAME, ups.INPUTS, ups.STUDY_UID, ups.START]))
def test_no_json_breaks_the_server(shared: OriginServer, said: Any, tag: str) -> None:
    for body in (said, [new_step(**{tag: said})], [new_step(**{tag: {"vr": "SQ", "Value": said}})]):
        answer = send(shared, "POST", "/workitems", json.dumps(body).encode())
        assert answer.status_code in (201, 400), (answer.status_code, answer.text)


@settings(max_examples=60)
@given(st.text(max_size=30), st.text(max_size=10))
def test_no_query_breaks_the_server(shared: OriginServer, value: str, name: str) -> None:
    keys = ("PatientName", "ScheduledProcedureStepStartDateTime", "StudyInstanceUID", "limit", name)
    for key in keys:
        answer = shared.client.get(f"{shared.url}/workitems", params={key: value})
        assert answer.status_code in (200, 204, 400), (key, value, answer.text)
