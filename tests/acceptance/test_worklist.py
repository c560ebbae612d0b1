"""An outside party asks for a reading through UPS-RS, and works on the same worklist itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from dicom_node.dimse.send import send_files
from inference.domain import workitem as ups
from inference.domain.workitem import element, text
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph
from tests.support.worklist import input_of, new_step, performed_step, reading_step

MODEL = "cxr-pneumonia"
GLOBAL = "1.2.840.10008.5.1.4.34.5"


class Client:
    """Speaks UPS-RS by `requests` alone."""

    def __init__(self, node: Node) -> None:
        self.url = f"{node.url}/dicom-web"
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, method: str, path: str, said: Any = None) -> requests.Response:
        headers = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
        body = None if said is None else json.dumps([said])
        return self.session.request(method, self.url + path, data=body, headers=headers, timeout=30)

    def get(self, uid: str) -> Any:
        (found,) = self.send("GET", f"/workitems/{uid}").json()
        return found

    def search(self, query: str) -> list[str]:
        answer = self.send("GET", f"/workitems?{query}")
        found = answer.json() if answer.status_code == 200 else []
        return [text(each, ups.SOP_INSTANCE_UID) for each in found]

    def state(self, uid: str, state: str, owner: str) -> requests.Response:
        said = {ups.STATE: element("CS", state), ups.TRANSACTION_UID: element("UI", owner)}
        return self.send("PUT", f"/workitems/{uid}/state", said)

    def listen(self, ae_title: str, uid: str = GLOBAL) -> ClientConnection:
        answer = self.send("POST", f"/workitems/{uid}/subscribers/{ae_title}")
        assert answer.status_code == 201
        return connect(answer.headers["Content-Location"], proxy=None)


def states(node: Node, connection: ClientConnection, uid: str, last: str) -> list[str]:
    """Hear of a workitem until it is in this state."""
    heard: list[str] = []
    while not heard or heard[-1] != last:
        try:
            event = json.loads(connection.recv(timeout=200))
        except TimeoutError:
            raise AssertionError(f"heard {heard}\n{node.log_text[-6000:]}") from None
        if text(event, "00001000") == uid and text(event, "00001002") == "1":
            heard.append(text(event, ups.STATE))
    return heard


def send(node: Node, path: Path) -> str:
    """Store a radiograph; return its Study Instance UID."""
    (outcome,) = send_files([path], host=HOST, port=node.port, called_ae="WETREAD")
    assert outcome.taken
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node in which no model reads a study unless somebody asks."""
    with Node(tmp_path_factory.mktemp("worklist"), rules=[]) as node:
        yield node


def test_a_reading_is_requested_and_watched_until_the_report_is_there(
    node: Node, tmp_path: Path
) -> None:
    client = Client(node)
    image = tmp_path / "chest.dcm"
    radiograph(image, seed=1)
    study = send(node, image)
    node.settle(1)
    with client.listen("RIS") as listening:
        said = reading_step(study, MODEL, **{ups.PRIORITY: element("CS", "HIGH")})
        created = client.send("POST", "/workitems?2.25.4711", said)
        assert created.status_code == 201
        assert created.headers["Location"] == f"{client.url}/workitems/2.25.4711"
        heard = states(node, listening, "2.25.4711", "COMPLETED")
    assert heard == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    found = client.get("2.25.4711")
    outputs = (ups.PERFORMED, ups.OUTPUTS)
    made = set(ups.values(found, *outputs, ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE))
    jobs = [
        job
        for of_study in node.settle(1)["studies"]
        for job in of_study["jobs"]
        if (job["model"] or "").startswith(MODEL)
    ]
    (job,) = jobs
    (report,) = (each for each in job["objects"] if each["role"] == "report")
    assert report["sop_instance_uid"] in made
    assert text(found, *outputs, ups.STUDY_UID) == study
    url = text(found, *outputs, ups.WADO_RETRIEVAL, ups.RETRIEVE_URL)
    assert client.session.get(f"{url}/metadata", timeout=30).status_code == 200
    assert node.log_text.count("Wetread^") == 0  # no patient in the log


def test_every_job_is_a_workitem_and_stays_one_after_a_crash(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    node = make_node(quiet_seconds=0.5)
    client = Client(node)
    for number in range(3):
        image = tmp_path / f"{number}.dcm"
        radiograph(image, seed=number, PatientID=f"P{number}")
        send(node, image)
        created = client.send("POST", f"/workitems?2.25.{number}", new_step())
        assert created.status_code == 201
    assert client.state("2.25.0", "IN PROGRESS", "1.2.3").status_code == 200
    node.kill()
    node.start()
    client = Client(node)
    assert client.state("2.25.0", "IN PROGRESS", "1.2.4").status_code == 409
    assert sorted(client.search("ProcedureStepLabel=Measure*")) == ["2.25.0", "2.25.1", "2.25.2"]
    node.settle(3)
    code = f"ScheduledWorkitemCodeSequence.CodeValue={MODEL}"

    def all_are_completed() -> list[str] | None:
        found = client.search(f"{code}&ProcedureStepState=COMPLETED,CANCELED")
        return found if len(found) == 3 else None

    found: Any = wait_for(all_are_completed, "every job is a workitem", 60)
    assert len(set(found)) == 3
    assert len(client.search(f"{code}&PatientID=P1")) == 1
    own = client.get(client.search(f"{code}&PatientID=P1")[0])
    assert text(own, ups.INPUTS, ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE)
    assert client.state(text(own, ups.SOP_INSTANCE_UID), "IN PROGRESS", "1.2.5").status_code == 409


def test_others_create_claim_update_and_complete(node: Node) -> None:
    client = Client(node)
    said = new_step(**{ups.INPUTS: element("SQ", input_of("1.2.3"))})
    assert client.send("POST", "/workitems?workitem=2.25.1", said).status_code == 201
    assert client.search("ProcedureStepState=SCHEDULED&InputReadinessState=READY") == ["2.25.1"]
    with client.listen("WATCHER", "2.25.1") as listening:
        assert client.state("2.25.1", "IN PROGRESS", "1.2.3").status_code == 200
        other = client.state("2.25.1", "IN PROGRESS", "1.2.4")
        assert other.status_code == 409
        assert "inconsistent" in other.headers["Warning"]
        assert client.state("2.25.1", "COMPLETED", "1.2.3").status_code == 409  # nothing is done
        done = performed_step(**{ups.OUTPUTS: element("SQ", input_of("1.2.3", "1.2.3.4"))})
        assert client.send("POST", "/workitems/2.25.1", done).status_code == 400
        path = "/workitems/2.25.1?transaction-uid=1.2.3"
        assert client.send("POST", path, done).status_code == 200
        assert client.state("2.25.1", "COMPLETED", "1.2.3").status_code == 200
        heard = states(node, listening, "2.25.1", "COMPLETED")
    assert heard == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    found = client.get("2.25.1")
    assert ups.TRANSACTION_UID not in found
    assert text(found, ups.PERFORMED, ups.OUTPUTS, ups.STUDY_UID) == "1.2.3"
    again = client.state("2.25.1", "COMPLETED", "1.2.3")
    assert again.status_code == 200
    assert "already in the requested state of COMPLETED" in again.headers["Warning"]
