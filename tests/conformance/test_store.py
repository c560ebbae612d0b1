"""PS3.18 Section 10.5: the Store transaction, and Section 8.9: capabilities."""

from __future__ import annotations

import json
from typing import Any

from pydicom.uid import generate_uid

from tests.conformance.target import Target, clause
from tests.support.multipart import multipart_of
from tests.support.origin import part10_of, radiograph
from tests.support.studies import PIXELS

TYPE = 'multipart/related; type="application/dicom"; boundary=a-boundary'


def message(*files: bytes) -> bytes:
    return multipart_of([("application/dicom", each) for each in files])


def send(server: Target, *files: bytes, path: str = "/studies", accept: str = "") -> Any:
    return server.post(path, message(*files), TYPE, accept or "application/dicom+json")


def module(answer: Any) -> Any:
    found = answer.json()
    return found[0] if isinstance(found, list) else found


def held(server: Target, study: str) -> int:
    answer = server.get(f"/studies/{study}/instances", "application/dicom+json")
    return len(answer.json()) if answer.status_code == 200 else 0


# A Study of its own in each test, and all are gone with the server: the other clauses count.
def new() -> tuple[Any, str]:
    made = radiograph(values=PIXELS, PatientID="stored", StudyDate="19990101")
    return made, str(made.StudyInstanceUID)


@clause("10.5.1", "Instances are stored")
def test_stored(server: Target) -> None:
    made, study = new()
    assert send(server, part10_of(made)).status_code == 200
    assert held(server, study) == 1


@clause("10.5.1", "Instances are stored into the Study that is named")
def test_stored_into_a_study(server: Target) -> None:
    made, study = new()
    assert send(server, part10_of(made), path=f"/studies/{study}").status_code == 200


@clause("10.5.3.3", "The answer references each Instance, with its URL")
def test_references(server: Target) -> None:
    made, study = new()
    answer = module(send(server, part10_of(made)))
    (item,) = answer["00081199"]["Value"]
    assert item["00081155"]["Value"] == [made.SOPInstanceUID]
    assert study in item["00081190"]["Value"][0]


@clause("10.5.3.3", "The answer is application/dicom+xml where that is asked for")
def test_xml(server: Target) -> None:
    made, _ = new()
    answer = send(server, part10_of(made), accept="application/dicom+xml")
    assert b"NativeDicomModel" in answer.content


@clause("10.5.3.1", "Instances of another Study than is named: 409, with a reason")
def test_other_study(server: Target) -> None:
    made, study = new()
    answer = send(server, part10_of(made), path=f"/studies/{generate_uid()}")
    assert answer.status_code == 409
    assert module(answer)["00081198"]["Value"][0]["00081197"]["Value"]
    assert held(server, study) == 0


@clause("10.5.3.1", "Some are stored and some are not: 202")
def test_partly(server: Target) -> None:
    made, study = new()
    answer = send(server, part10_of(made), b"this is no data set" * 20)
    assert answer.status_code == 202
    assert held(server, study) == 1


@clause("10.5.3.1", "A message without a boundary: 400, or 415")
def test_no_boundary(server: Target) -> None:
    made, study = new()
    answer = server.post("/studies", message(part10_of(made)), TYPE.split("; boundary")[0])
    assert answer.status_code in (400, 415)
    assert held(server, study) == 0


@clause("10.5.3.1", "A message that breaks off: 400, and nothing of it is stored")
def test_broken_off(server: Target) -> None:
    first, second = new(), new()
    body = message(part10_of(first[0]), part10_of(second[0]))[:-200]
    assert server.post("/studies", body, TYPE).status_code == 400
    assert held(server, first[1]) == held(server, second[1]) == 0


@clause("10.5.3.1", "A media type that is not taken: 415")
def test_media_type(server: Target) -> None:
    assert server.post("/studies", b"<p>", "text/html").status_code == 415


@clause("10.5.2", "Metadata and bulk data make an Instance")
def test_metadata(server: Target) -> None:
    made, study = new()
    model = made.to_json_dict(10**9)
    model["7FE00010"] = {"vr": "OW", "BulkDataURI": "bulk/1"}
    body = multipart_of(
        [
            ("application/dicom+json", json.dumps([model]).encode()),
            ("application/octet-stream", PIXELS.tobytes(), {"Content-Location": "bulk/1"}),
        ]
    )
    content_type = TYPE.replace("application/dicom", "application/dicom+json")
    assert server.post("/studies", body, content_type).status_code == 200
    assert held(server, study) == 1


@clause("8.9.1", "The server tells its capabilities")
def test_capabilities(server: Target) -> None:
    answer = server.client.options(server.url)
    assert answer.status_code == 200
    assert len(answer.content) > 100
