"""UPS-RS over real HTTP and real WebSockets."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dicom_node.dicomweb.native_xml import to_xml
from inference.domain import workitem as ups
from inference.domain.workitem import StepState, Workitem, element, text
from inference.domain.workitem_event import FILTERED, GLOBAL
from tests.support.multipart import multipart_of
from tests.support.origin import OriginServer, radiograph, send
from tests.support.worklist import coded, input_of, new_step, performed_step, reading_step

JSON = "application/dicom+json"
XML = "application/dicom+xml"


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


def test_the_example_of_the_manual_works(origin: OriginServer) -> None:
    origin.worklist.registry.versions["cxr-pneumonia"] = "1.0.0"
    manual = (Path(__file__).parents[4] / "docs" / "dicomweb.md").read_text()
    said = re.search(r"-d '(\[\{.*?\}\])'", manual, re.DOTALL)
    assert said is not None
    assert send(origin, "POST", "/workitems?2.25.4711", json.loads(said[1])).status_code == 201
    assert found(origin, "ProcedureStepState=SCHEDULED&limit=10") == ["2.25.4711"]


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


def test_of_those_who_claim_at_once_one_is_told_that_it_has_it(tmp_path: Path) -> None:
    with OriginServer(tmp_path, sqlite=True) as origin:
        create(origin, "2.25.1")

        def claim(number: int) -> int:
            return int(state(origin, "2.25.1", "IN PROGRESS", f"1.2.{number}").status_code)

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(claim, range(16)))
        assert sorted(answers) == [200] + [409] * 15
        owner = f"1.2.{answers.index(200)}"
        assert state(origin, "2.25.1", "CANCELED", owner).status_code == 200


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
