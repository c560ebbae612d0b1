"""PS3.18 Chapter 11 and Section 8.10: the Worklist service."""

from __future__ import annotations

import json
import uuid
from typing import Any

from websockets.sync.client import ClientConnection, connect

from inference.domain import workitem as ups
from inference.domain.workitem import element, text
from tests.conformance.target import JSON, Target, clause
from tests.support.worklist import coded, new_step, performed_step

XML = 'multipart/related; type="application/dicom+xml"'
ALL = "1.2.840.10008.5.1.4.34.5"
SOME = "1.2.840.10008.5.1.4.34.5.1"


def new_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


def send(server: Target, method: str, path: str, said: Any = None) -> Any:
    body = None if said is None else json.dumps([said]).encode()
    headers = {"Content-Type": JSON, "Accept": JSON}
    return server.client.request(method, server.url + path, content=body, headers=headers)


def create(server: Target, **changes: Any) -> str:
    """Create a workitem of its own for each test; return its UID."""
    uid = new_uid()
    answer = send(server, "POST", f"/workitems?{uid}", new_step(**changes))
    assert answer.status_code == 201, answer.status_code
    return uid


def change(server: Target, uid: str, state: str, owner: str = "1.2.3") -> Any:
    said = {ups.STATE: element("CS", state)}
    if owner:
        said[ups.TRANSACTION_UID] = element("UI", owner)
    return send(server, "PUT", f"/workitems/{uid}/state", said)


def claimed(server: Target) -> str:
    uid = create(server)
    assert change(server, uid, "IN PROGRESS").status_code == 200
    return uid


def ended(server: Target, state: str) -> str:
    uid = claimed(server)
    send(server, "POST", f"/workitems/{uid}?1.2.3", performed_step())
    assert change(server, uid, state).status_code == 200
    return uid


def retrieve(server: Target, uid: str) -> Any:
    (found,) = server.json(f"/workitems/{uid}")
    return found


def search(server: Target, query: str) -> set[str]:
    answer = send(server, "GET", f"/workitems?{query}")
    assert answer.status_code in (200, 204)
    models = answer.json() if answer.status_code == 200 else []
    return {text(each, ups.SOP_INSTANCE_UID) for each in models}


def listen(server: Target, uid: str, query: str = "") -> ClientConnection:
    ae_title = f"AE{uuid.uuid4().hex[:10]}"
    answer = send(server, "POST", f"/workitems/{uid}/subscribers/{ae_title}{query}")
    assert answer.status_code == 201, answer.status_code
    return connect(answer.headers["Content-Location"], proxy=None)


def hear(connection: ClientConnection, kind: int, uid: str) -> Any:
    while True:
        event = json.loads(connection.recv(timeout=30))
        if text(event, "00001002") == str(kind) and text(event, "00001000") == uid:
            return event


@clause("11.4.2", "A workitem is created, SCHEDULED, and Location names it")
def test_created(server: Target) -> None:
    uid = new_uid()
    answer = send(server, "POST", f"/workitems?{uid}", new_step())
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/workitems/{uid}")
    assert text(retrieve(server, uid), ups.STATE) == "SCHEDULED"


@clause("11.4.1.1", "The UID of a new workitem is that of the query or of the body")
def test_uid(server: Target) -> None:
    uid = new_uid()
    said = new_step(**{ups.SOP_INSTANCE_UID: element("UI", uid)})
    assert send(server, "POST", "/workitems", said).status_code == 201
    assert text(retrieve(server, uid), ups.SOP_INSTANCE_UID) == uid


@clause("11.4.3.1", "What PS3.4 Table CC.2.5-3 requires is missing: 400")
def test_missing(server: Target) -> None:
    for tag in new_step():
        said = {each: value for each, value in new_step().items() if each != tag}
        assert send(server, "POST", f"/workitems?{new_uid()}", said).status_code == 400


@clause("11.4.3.1", "A workitem that is there already: 409")
def test_duplicate(server: Target) -> None:
    uid = create(server)
    assert send(server, "POST", f"/workitems?{uid}", new_step()).status_code == 409


@clause("11.4.3.2", "A warning says that a workitem was created with modifications")
def test_modified(server: Target) -> None:
    answer = send(server, "POST", f"/workitems?{new_uid()}", new_step())
    assert "The Workitem was created with modifications" in answer.headers["Warning"]


@clause("11.1.3", "Workitems are application/dicom+json")
def test_json(server: Target) -> None:
    answer = server.get(f"/workitems/{create(server)}", JSON)
    assert answer.headers["Content-Type"].startswith(JSON)


@clause("11.1.3", "Workitems are multipart application/dicom+xml where that is asked for")
def test_xml(server: Target) -> None:
    answer = server.get(f"/workitems/{create(server)}", XML)
    assert b"NativeDicomModel" in answer.content


@clause("11.5.3.1", "A workitem that is not there: 404")
def test_not_there(server: Target) -> None:
    create(server)
    assert send(server, "GET", f"/workitems/{new_uid()}").status_code == 404


@clause("11.5.3.3", "The Transaction UID is not shown")
def test_transaction_uid(server: Target) -> None:
    uid = claimed(server)
    assert ups.TRANSACTION_UID not in retrieve(server, uid)


@clause("11.6.2", "Anybody updates what is SCHEDULED, its owner what is IN PROGRESS")
def test_updated(server: Target) -> None:
    said = {ups.LABEL: element("LO", "Measure again")}
    uid = create(server)
    assert send(server, "POST", f"/workitems/{uid}", said).status_code == 200
    assert text(retrieve(server, uid), ups.LABEL) == "Measure again"
    uid = claimed(server)
    assert send(server, "POST", f"/workitems/{uid}?1.2.3", said).status_code == 200
    assert text(retrieve(server, uid), ups.LABEL) == "Measure again"


@clause("11.6.3.1", "Update: the Transaction UID is missing or incorrect: 400, with a warning")
def test_update_by_others(server: Target) -> None:
    uid = claimed(server)
    for query in ("", "?1.2.4"):
        answer = send(server, "POST", f"/workitems/{uid}{query}", {})
        assert answer.status_code == 400
        assert answer.headers["Warning"]


@clause("11.6.2", "What is COMPLETED or CANCELED is not updated: 400")
def test_update_of_what_ended(server: Target) -> None:
    for state in ("COMPLETED", "CANCELED"):
        uid = ended(server, state)
        assert send(server, "POST", f"/workitems/{uid}?1.2.3", {}).status_code == 400


@clause("11.7.2", "A workitem is claimed, and completed by its owner")
def test_completed(server: Target) -> None:
    uid = ended(server, "COMPLETED")
    assert text(retrieve(server, uid), ups.STATE) == "COMPLETED"


@clause("11.7.2", "A workitem is canceled by its owner")
def test_canceled(server: Target) -> None:
    uid = claimed(server)
    assert change(server, uid, "CANCELED").status_code == 200
    assert text(retrieve(server, uid), ups.STATE) == "CANCELED"


@clause("11.7.2", "Nothing is completed before the final state requirements are met: 409")
def test_final_state(server: Target) -> None:
    uid = claimed(server)
    assert change(server, uid, "COMPLETED").status_code == 409


@clause("11.7.3.1", "The Transaction UID is missing or incorrect: 400, with a warning")
def test_owner(server: Target) -> None:
    uid = claimed(server)
    for owner, warning in (("", "missing"), ("1.2.4", "incorrect")):
        answer = change(server, uid, "COMPLETED", owner)
        assert answer.status_code == 400
        assert f"The Transaction UID is {warning}" in answer.headers["Warning"]


@clause("11.7.3.1", "A state that cannot follow: 409, with a warning")
def test_order(server: Target) -> None:
    for uid, state in (
        (create(server), "COMPLETED"),
        (claimed(server), "IN PROGRESS"),
        (ended(server, "COMPLETED"), "CANCELED"),
        (ended(server, "CANCELED"), "IN PROGRESS"),
    ):
        answer = change(server, uid, state)
        assert answer.status_code == 409
        assert "The submitted request is inconsistent" in answer.headers["Warning"]


@clause("11.7.3.2", "A warning says that the workitem is in that final state already")
def test_already(server: Target) -> None:
    for state in ("COMPLETED", "CANCELED"):
        answer = change(server, ended(server, state), state)
        assert answer.status_code == 200
        warning = f"The UPS is already in the requested state of {state}"
        assert warning in answer.headers["Warning"]


@clause("11.8.2", "A request to cancel what nobody has claimed cancels it")
def test_cancel_of_scheduled(server: Target) -> None:
    uid = create(server)
    said = {ups.REASON_FOR_CANCELLATION: element("LT", "not needed")}
    assert send(server, "POST", f"/workitems/{uid}/cancelrequest", said).status_code == 202
    found = retrieve(server, uid)
    assert text(found, ups.STATE) == "CANCELED"
    path = (ups.PROGRESS_INFORMATION, ups.REASON_FOR_CANCELLATION)
    assert text(found, *path) == "not needed"


@clause("11.8.2", "A request to cancel what is IN PROGRESS goes to its owner")
def test_cancel_of_claimed(server: Target) -> None:
    uid = claimed(server)
    with listen(server, uid) as connection:
        assert send(server, "POST", f"/workitems/{uid}/cancelrequest").status_code == 202
        hear(connection, 2, uid)
    assert text(retrieve(server, uid), ups.STATE) == "IN PROGRESS"


@clause("11.8.3.1", "What is COMPLETED is not canceled: 409; what is CANCELED: a warning")
def test_cancel_of_ended(server: Target) -> None:
    uid = ended(server, "COMPLETED")
    assert send(server, "POST", f"/workitems/{uid}/cancelrequest").status_code == 409
    uid = ended(server, "CANCELED")
    answer = send(server, "POST", f"/workitems/{uid}/cancelrequest")
    assert "already in the requested state of CANCELED" in answer.headers["Warning"]


@clause("11.9.2", "Workitems are found by their state, and by attributes in sequences")
def test_search(server: Target) -> None:
    value = uuid.uuid4().hex[:16]
    uid = create(server, **{ups.WORKITEM_CODE: element("SQ", coded(value))})
    create(server)
    query = f"ScheduledWorkitemCodeSequence.CodeValue={value}"
    assert search(server, query) == {uid}
    assert search(server, f"{query}&ProcedureStepState=SCHEDULED") == {uid}
    assert search(server, f"{query}&ProcedureStepState=COMPLETED") == set()
    assert search(server, f"00404018.00080100={value}") == {uid}


@clause("11.9.2", "Workitems are found by ranges of times")
def test_search_by_time(server: Target) -> None:
    uid = create(server, **{ups.START: element("DT", "19990203040506+0000")})
    start = "ScheduledProcedureStepStartDateTime"
    assert search(server, f"{start}=19990203-19990204") == {uid}
    assert search(server, f"{start}=-19990203040506%2B0000") == {uid}
    assert search(server, f"{start}=19990204-19990205") == set()


@clause("11.9.3.1", "No workitem matches: 204")
def test_no_match(server: Target) -> None:
    create(server)
    assert send(server, "GET", "/workitems?PatientID=nobody").status_code == 204


@clause("11.9.3.1", "A search by what is no attribute: 400")
def test_search_refused(server: Target) -> None:
    create(server)
    assert send(server, "GET", "/workitems?NoSuchAttribute=1").status_code == 400


@clause("11.10.2", "Who subscribes to a workitem is told its state, and each that follows")
def test_subscribed(server: Target) -> None:
    uid = create(server)
    with listen(server, uid) as connection:
        assert text(hear(connection, 1, uid), ups.STATE) == "SCHEDULED"
        change(server, uid, "IN PROGRESS")
        assert text(hear(connection, 1, uid), ups.STATE) == "IN PROGRESS"


@clause("11.10.2", "Who subscribes to the worklist is told of new workitems")
def test_subscribed_to_all(server: Target) -> None:
    with listen(server, ALL) as connection:
        uid = create(server)
        assert text(hear(connection, 1, uid), ups.STATE) == "SCHEDULED"


@clause("11.10.2", "Who subscribes with a filter is told of those that match")
def test_subscribed_to_some(server: Target) -> None:
    patient = uuid.uuid4().hex
    with listen(server, SOME, f"?filter=PatientID={patient}") as connection:
        create(server)
        uid = create(server, **{ups.PATIENT_ID: element("LO", patient)})
        event = json.loads(connection.recv(timeout=30))
    assert text(event, "00001000") == uid


@clause("11.10.3.1", "A subscription to what is not there: 404")
def test_subscription_refused(server: Target) -> None:
    create(server)
    answer = send(server, "POST", f"/workitems/{new_uid()}/subscribers/AE")
    assert answer.status_code == 404


@clause("11.11.2", "A subscription is ended; one that is not there: 404")
def test_unsubscribed(server: Target) -> None:
    uid = create(server)
    path = f"/workitems/{uid}/subscribers/AE"
    assert send(server, "POST", path).status_code == 201
    assert send(server, "DELETE", path).status_code == 200
    assert send(server, "DELETE", path).status_code == 404


@clause("11.12.2", "A subscription to the worklist is suspended; one that is not there: 404")
def test_suspended(server: Target) -> None:
    create(server)
    path = f"/workitems/{ALL}/subscribers/SUSPENDED"
    assert send(server, "POST", path).status_code == 201
    assert send(server, "POST", f"{path}/suspend").status_code == 200
    assert send(server, "POST", f"{path}/suspend").status_code == 404


@clause("8.10.4", "Events that a subscriber missed come when it connects anew")
def test_connected_anew(server: Target) -> None:
    uid = create(server)
    send(server, "POST", f"/workitems/{uid}/subscribers/AWAY")
    change(server, uid, "IN PROGRESS")
    answer = send(server, "POST", f"/workitems/{uid}/subscribers/AWAY")
    with connect(answer.headers["Content-Location"], proxy=None) as connection:
        hear(connection, 1, uid)
        assert text(hear(connection, 1, uid), ups.STATE) == "IN PROGRESS"


@clause("11.13", "An event is DICOM JSON, with the type of the event and the workitem's UID")
def test_event(server: Target) -> None:
    uid = create(server)
    with listen(server, uid) as connection:
        event = hear(connection, 1, uid)
    assert text(event, "00000002") == "1.2.840.10008.5.1.4.34.6.4"
    assert "00000110" in event
    assert text(event, ups.READINESS) == "READY"


@clause("11.13", "Progress is told, and who is assigned")
def test_progress(server: Target) -> None:
    uid = create(server)
    with listen(server, uid) as connection:
        station = {ups.STATIONS: element("SQ", coded("CAD"))}
        send(server, "POST", f"/workitems/{uid}", station)
        assert text(hear(connection, 5, uid), ups.STATIONS, ups.CODE_VALUE) == "CAD"
        change(server, uid, "IN PROGRESS")
        progress = {ups.PROGRESS_INFORMATION: element("SQ", {ups.PROGRESS: element("DS", 10)})}
        send(server, "POST", f"/workitems/{uid}?1.2.3", progress)
        event = hear(connection, 3, uid)
    assert text(event, ups.PROGRESS_INFORMATION, ups.PROGRESS) == "10"
