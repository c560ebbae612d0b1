"""UPS-RS over real HTTP: what is taken, what is refused, and that nothing breaks the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dicom_node.dicomweb.native_xml import to_xml
from inference.domain import workitem as ups
from inference.domain.workitem import StepState, Workitem, element, text
from inference.domain.workitem_event import FILTERED, GLOBAL
from tests.support.multipart import multipart_of
from tests.support.origin import OriginServer, radiograph
from tests.support.worklist import coded, input_of, new_step, performed_step, reading_step

JSON = "application/dicom+json"
XML = "application/dicom+xml"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    with OriginServer(tmp_path_factory.mktemp("ups"), sqlite=True) as started:
        yield started


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[OriginServer]:
    with OriginServer(tmp_path) as started:
        yield started


def send(origin: OriginServer, method: str, path: str, said: Any = None, **headers: str) -> Any:
    body = said if isinstance(said, bytes | str | None) else json.dumps(said)
    headers = {"Content-Type": JSON} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return origin.client.request(method, origin.url + path, content=body, headers=headers)


def create(origin: OriginServer, uid: str, **changes: Any) -> Any:
    return send(origin, "POST", f"/workitems?{uid}", [new_step(**changes)])


def state(origin: OriginServer, uid: str, wanted: str, owner: str) -> Any:
    said = {ups.STATE: element("CS", wanted)}
    if owner:
        said[ups.TRANSACTION_UID] = element("UI", owner)
    return send(origin, "PUT", f"/workitems/{uid}/state", said)


def found(origin: OriginServer, query: str) -> list[str]:
    answer = send(origin, "GET", f"/workitems?{query}")
    assert answer.status_code in (200, 204), answer.text
    models = answer.json() if answer.status_code == 200 else []
    return [text(each, ups.SOP_INSTANCE_UID) for each in models]


def the(origin: OriginServer, uid: str) -> Any:
    (model,) = send(origin, "GET", f"/workitems/{uid}").json()
    return model


@pytest.mark.parametrize(
    ("query", "more", "uid"),
    [
        ("?2.25.1", {}, "2.25.1"),
        ("?workitem=2.25.1", {}, "2.25.1"),
        ("", {ups.SOP_INSTANCE_UID: element("UI", "2.25.1")}, "2.25.1"),
        ("", {"00001000": element("UI", "2.25.1")}, "2.25.1"),
        ("", {}, ""),
    ],
)
def test_the_uid_comes_by_query_or_body_or_is_new(
    origin: OriginServer, query: str, more: dict[str, Any], uid: str
) -> None:
    answer = send(origin, "POST", f"/workitems{query}", new_step(**more))
    assert answer.status_code == 201
    made = answer.headers["Location"].rsplit("/", 1)[-1]
    assert made == uid or (not uid and made.startswith("2.25."))
    model = the(origin, made)
    assert "00001000" not in model
    assert text(model, ups.SOP_INSTANCE_UID) == made


def test_what_was_added_is_told(origin: OriginServer) -> None:
    answer = create(origin, "2.25.1")
    assert "created with modifications" in answer.headers["Warning"]
    model = the(origin, "2.25.1")
    whole = {tag: each for tag, each in model.items() if tag not in (ups.SOP_INSTANCE_UID,)}
    answer = send(origin, "POST", "/workitems?2.25.2", whole)
    assert (answer.status_code, answer.headers.get("Warning")) == (201, None)


@pytest.mark.parametrize("in_parts", [True, False])
def test_xml_is_taken_too(origin: OriginServer, in_parts: bool) -> None:
    said = new_step(
        **{
            ups.PATIENT_NAME: element("PN", {"Alphabetic": "Müller^Ann", "Ideographic": "山^田"}),
            ups.WORKITEM_CODE: element("SQ", coded("liver"), coded("spleen")),
            "00101020": element("DS", 1.75),
            ups.PATIENT_SEX: {"vr": "CS"},
        }
    )
    body, content_type = to_xml(said), XML
    if in_parts:
        body = multipart_of([(XML, body)])
        content_type = f'multipart/related; type="{XML}"; boundary=a-boundary'
    answer = send(origin, "POST", "/workitems?2.25.1", body, Content_Type=content_type)
    assert answer.status_code == 201, answer.text
    model = the(origin, "2.25.1")
    assert {tag: model[tag] for tag in said} == said


def test_a_workitem_is_shown_as_xml_where_that_is_asked_for(origin: OriginServer) -> None:
    create(origin, "2.25.1")
    answer = origin.get("/workitems/2.25.1", f'multipart/related; type="{XML}"')
    assert b"ProcedureStepLabel" in answer.content
    assert origin.get("/workitems/2.25.1", "text/html").status_code == 406


def test_urls_of_our_own_are_whole_and_those_of_others_stay(origin: OriginServer) -> None:
    made = origin.add(radiograph())
    study = origin.index.study(made.study_instance_uid)
    assert study is not None
    assert origin.index.close_revision(study, (), origin.clock.now())
    url = "https://pacs.example.org/studies/1"
    retrieval = {ups.WADO_RETRIEVAL: element("SQ", {ups.RETRIEVE_URL: element("UR", url)})}
    source = input_of(made.study_instance_uid) | retrieval
    said = reading_step(made.study_instance_uid, **{ups.INPUTS: element("SQ", source)})
    assert send(origin, "POST", "/workitems?2.25.1", said).status_code == 201
    (job,) = origin.queue.jobs()
    now = origin.clock.now()
    own = Workitem("2.25.2", StepState.SCHEDULED, new_step(), now, now, job_id=job.job_id, own=True)
    assert origin.workitems.add(own, ())
    path = (ups.INPUTS, ups.WADO_RETRIEVAL, ups.RETRIEVE_URL)
    assert text(the(origin, "2.25.1"), *path) == url
    ours = text(the(origin, "2.25.2"), *path)
    assert ours.startswith(f"{origin.url}/studies/{made.study_instance_uid}/series/")
    assert origin.client.get(f"{ours}/metadata").status_code == 200


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
    said = {} if method in ("POST", "PUT") and "subscribers" not in path else None
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


def test_workitems_are_found_by_every_kind_of_attribute(origin: OriginServer) -> None:
    create(
        origin,
        "2.25.1",
        **{
            ups.PATIENT_NAME: element("PN", {"Alphabetic": "Müller^Ann"}),
            ups.PATIENT_BIRTH_DATE: element("DA", "19700102"),
            ups.WORKITEM_CODE: element("SQ", coded("liver"), coded("spleen", "99OTHER")),
            ups.STUDY_UID: element("UI", "1.2.3"),
        },
    )
    create(origin, "2.25.2", **{ups.START: element("DT", "20260301080000+0100")})
    both = ["2.25.1", "2.25.2"]
    start = "ScheduledProcedureStepStartDateTime"
    code, scheme = (
        f"ScheduledWorkitemCodeSequence.{each}" for each in ("CodeValue", "CodingSchemeDesignator")
    )
    for query, expected in (
        ("", both),
        ("PatientName=muller*", ["2.25.1"]),
        ("00100010=MULLER%5EANN", ["2.25.1"]),
        ("PatientBirthDate=19700101-19701231", ["2.25.1"]),
        ("StudyInstanceUID=1.2.4,1.2.3", ["2.25.1"]),
        (f"{code}=liver&{scheme}=99TEST", ["2.25.1"]),
        (f"{code}=liver&{scheme}=99OTHER", []),
        ("00404018.00080100=spleen", ["2.25.1"]),
        (f"{start}=20260102", ["2.25.1"]),
        (f"{start}=20260301-", ["2.25.2"]),
        (f"{start}=-20260301070000%2B0000", both),
        (f"{start}=20260301080000%2B0100", ["2.25.2"]),
        (f"{start}=20260301020000-0500", ["2.25.2"]),
        (f"{start}=20260228200000-0500-20260301020000-0500", ["2.25.2"]),
        ("ProcedureStepState=SCHEDULED,COMPLETED", both),
        ("ProcedureStepState=", both),
        ('PatientID=""&emptyvaluematching=true', both),
        ("PatientID=&includefield=all&includefield=StudyInstanceUID", both),
        ("limit=1", ["2.25.1"]),
        ("limit=1&offset=1", ["2.25.2"]),
        ("multiplevaluematching=true&ProcedureStepLabel=x%5CMeasure the liver", both),
    ):
        assert found(origin, query) == expected, query


def test_a_warning_says_that_there_is_more(origin: OriginServer) -> None:
    for number in range(3):
        create(origin, f"2.25.{number}")
    for query, warned in (("limit=2", True), ("limit=3", False), ("limit=2&offset=1", False)):
        answer = send(origin, "GET", f"/workitems?{query}&fuzzymatching=false")
        assert ("additional results" in answer.headers.get("Warning", "")) is warned
    answer = send(origin, "GET", "/workitems?fuzzymatching=true")
    assert "fuzzymatching" in answer.headers["Warning"]


def test_its_owner_updates_and_completes(origin: OriginServer) -> None:
    create(origin, "2.25.1")
    assert state(origin, "2.25.1", "IN PROGRESS", "1.2.3").status_code == 200
    for path in ("/workitems/2.25.1?transaction-uid=1.2.4", "/workitems/2.25.1"):
        answer = send(origin, "POST", path, performed_step())
        assert answer.status_code == 400
        assert "Transaction UID" in answer.headers["Warning"]
    owner = {ups.TRANSACTION_UID: element("UI", "1.2.3")}
    assert send(origin, "POST", "/workitems/2.25.1?1.2.3", performed_step()).status_code == 200
    answer = send(origin, "POST", "/workitems/2.25.1", {**performed_step(), **owner})
    assert answer.status_code == 200
    assert state(origin, "2.25.1", "COMPLETED", "1.2.3").status_code == 200
    assert "1.2.3" not in send(origin, "GET", "/workitems/2.25.1").text
    assert send(origin, "POST", "/workitems/2.25.1?1.2.3", {}).status_code == 400


def test_a_page_of_another_origin_changes_nothing(origin: OriginServer) -> None:
    create(origin, "2.25.1")
    foreign = {"Origin": "https://evil.example.org"}
    for method, path, said in (
        ("POST", "/workitems?2.25.2", new_step()),
        ("POST", "/workitems/2.25.1", {}),
        ("PUT", "/workitems/2.25.1/state", {}),
        ("POST", "/workitems/2.25.1/cancelrequest", None),
        ("POST", "/workitems/2.25.1/subscribers/AE", None),
        ("DELETE", "/workitems/2.25.1/subscribers/AE", None),
        ("POST", f"/workitems/{GLOBAL}/subscribers/AE/suspend", None),
    ):
        assert send(origin, method, path, said, **foreign).status_code == 403, (method, path)
    assert text(the(origin, "2.25.1"), ups.STATE) == "SCHEDULED"
    allowed = {"Origin": "https://ris.example.org"}
    path = "/workitems/2.25.1/cancelrequest"
    assert send(origin, "POST", path, **allowed).status_code == 202
    ours = {"Origin": origin.url.removesuffix("/dicom-web")}
    assert send(origin, "POST", path, **ours).status_code == 202
    url = f"{origin.url.replace('http', 'ws')}/subscribers/AE"
    with pytest.raises(InvalidStatus), connect(url, proxy=None, additional_headers=foreign):
        pass


def listen(origin: OriginServer, ae_title: str = "AE") -> Any:
    return connect(f"{origin.url.replace('http', 'ws')}/subscribers/{ae_title}", proxy=None)


def hear(connection: Any) -> tuple[str, str, str]:
    event = json.loads(connection.recv(timeout=30))
    assert text(event, "00000002") == "1.2.840.10008.5.1.4.34.6.4"
    return text(event, "00001000"), text(event, "00001002"), text(event, ups.STATE)


def test_a_subscriber_hears_what_happens(origin: OriginServer) -> None:
    create(origin, "2.25.1")
    with listen(origin) as connection:
        answer = send(origin, "POST", "/workitems/2.25.1/subscribers/AE")
        assert answer.status_code == 201
        address = f"{origin.url.replace('http', 'ws')}/subscribers/AE"
        assert answer.headers["Content-Location"] == address
        assert hear(connection) == ("2.25.1", "1", "SCHEDULED")
        state(origin, "2.25.1", "IN PROGRESS", "1.2.3")
        assert hear(connection) == ("2.25.1", "1", "IN PROGRESS")
        connection.send("what a subscriber says is passed over")
        progress = {ups.PROGRESS_INFORMATION: element("SQ", {ups.PROGRESS: element("DS", 10)})}
        send(origin, "POST", "/workitems/2.25.1?1.2.3", progress)
        assert hear(connection) == ("2.25.1", "3", "")
        said = {ups.REASON_FOR_CANCELLATION: element("LT", "wrong patient")}
        send(origin, "POST", "/workitems/2.25.1/cancelrequest?requester=RIS", said)
        assert hear(connection) == ("2.25.1", "2", "")
        state(origin, "2.25.1", "CANCELED", "1.2.3")
        assert hear(connection) == ("2.25.1", "1", "CANCELED")


def test_what_happened_while_a_subscriber_was_away_waits_for_it(origin: OriginServer) -> None:
    path = f"/workitems/{FILTERED}/subscribers/AE?filter=ProcedureStepLabel=Measure*"
    assert send(origin, "POST", path).status_code == 201
    create(origin, "2.25.1")
    create(origin, "2.25.2", **{ups.LABEL: element("LO", "Something else")})
    create(origin, "2.25.3", **{ups.STATIONS: element("SQ", coded("CAD"))})
    with listen(origin) as connection:
        assert hear(connection) == ("2.25.1", "1", "SCHEDULED")
        assert hear(connection) == ("2.25.3", "1", "SCHEDULED")
        assert hear(connection) == ("2.25.3", "5", "")
    state(origin, "2.25.1", "IN PROGRESS", "1.2.3")
    with listen(origin) as connection:  # what was heard is not told again
        assert hear(connection) == ("2.25.1", "1", "IN PROGRESS")
    assert send(origin, "POST", path.partition("?")[0] + "/suspend").status_code == 200
    assert send(origin, "DELETE", path.partition("?")[0]).status_code == 200


def test_a_new_connection_ends_the_old(origin: OriginServer) -> None:
    create(origin, "2.25.1")
    with listen(origin) as old, listen(origin) as new:
        with pytest.raises(ConnectionClosed):
            old.recv(timeout=30)
        send(origin, "POST", "/workitems/2.25.1/subscribers/AE")
        assert hear(new) == ("2.25.1", "1", "SCHEDULED")


def test_an_ae_title_that_is_none_does_not_listen(origin: OriginServer) -> None:
    with pytest.raises(InvalidStatus), listen(origin, "x" * 17):
        pass


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, st.sampled_from([ups.PATIENT_NAME, ups.INPUTS, ups.STUDY_UID, ups.START]))
def test_no_json_breaks_the_server(shared: OriginServer, said: Any, tag: str) -> None:
    for body in (said, [new_step(**{tag: said})], [new_step(**{tag: {"vr": "SQ", "Value": said}})]):
        answer = send(shared, "POST", "/workitems", json.dumps(body))
        assert answer.status_code in (201, 400), (answer.status_code, answer.text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.text(max_size=10))
def test_no_query_breaks_the_server(shared: OriginServer, value: str, name: str) -> None:
    keys = ("PatientName", "ScheduledProcedureStepStartDateTime", "StudyInstanceUID", "limit", name)
    for key in keys:
        answer = shared.client.get(f"{shared.url}/workitems", params={key: value})
        assert answer.status_code in (200, 204, 400), (key, value, answer.text)
