"""The Store transaction: what is taken, what is refused, and that nothing is left half done."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pydicom.encaps
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import JPEGLSLossless

from inference.domain.errors import OutOfSpace
from inference.domain.incident import IncidentKind
from inference.domain.instance import Source
from tests.support.multipart import multipart_of
from tests.support.origin import OriginServer, part10_of, radiograph

STUDY = "1.2.3"
TYPE = 'multipart/related; type="application/dicom"; boundary=a-boundary'
JSON_TYPE = TYPE.replace("application/dicom", "application/dicom+json")
VALUES = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16)


def make(uid: str, study: str = STUDY, **of: Any) -> FileDataset:
    return radiograph(study=study, series=f"{study}.1", sop_instance=uid, values=VALUES, **of)


def post(origin: OriginServer, body: Any, path: str = "/studies", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return origin.client.post(
        origin.url + path, content=body, headers={"Content-Type": TYPE} | named
    )


def send(origin: OriginServer, *files: bytes, path: str = "/studies", **headers: str) -> Any:
    return post(
        origin, multipart_of([("application/dicom", each) for each in files]), path, **headers
    )


def left_behind(origin: OriginServer) -> list[Path]:
    return list((origin.root / "archive" / "spool").iterdir())


def references(answer: Any, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json()[tag]["Value"]]


def reasons(answer: Any, tag: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json()[tag]["Value"]]


@pytest.fixture(autouse=True)
def nothing_is_left(origin: OriginServer) -> Iterator[None]:
    yield
    assert left_behind(origin) == []


def test_instances_are_stored(origin: OriginServer) -> None:
    answer = send(origin, part10_of(make("1.1")), part10_of(make("1.2")))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.json()["00081190"]["Value"] == [f"{origin.url}/studies/{STUDY}"]
    assert references(answer, "00081199") == ["1.1", "1.2"]
    assert "00081198" not in answer.json()
    (item, _) = answer.json()["00081199"]["Value"]
    assert item["00081190"]["Value"][0].endswith("/instances/1.1")
    held = origin.index.find("1.1")
    assert held is not None
    assert held.origin.source is Source.DICOMWEB
    assert origin.archive.path(held.key).read_bytes() == part10_of(make("1.1"))
    again = send(origin, part10_of(make("1.1")))
    assert (again.status_code, references(again, "00081199")) == (200, ["1.1"])


def test_a_study_takes_its_own_alone(origin: OriginServer) -> None:
    files = part10_of(make("1.1")), part10_of(make("9.1", study="1.2.9"))
    answer = send(origin, *files, path=f"/studies/{STUDY}")
    assert answer.status_code == 202
    assert references(answer, "00081199") == ["1.1"]
    assert (references(answer, "00081198"), reasons(answer)) == (["9.1"], [0xA900])
    assert origin.index.find("9.1") is None
    assert send(origin, files[1], path=f"/studies/{STUDY}").status_code == 409
    assert send(origin, files[1], path="/studies/x.y").status_code == 400


def test_failures_have_their_reasons(origin: OriginServer) -> None:
    good = make("1.1")
    other = make("1.1", PatientName="Somebody^Else")
    invalid = make("1.2")
    invalid.StudyInstanceUID = "1.2"
    raw = part10_of(invalid).replace(
        b"\x20\x00\x0d\x00UI\x04\x001.2\x00", b"\x20\x00\x0d\x00UI\x04\x00../x"
    )
    answer = send(origin, part10_of(good), part10_of(other), b"garbage", raw, part10_of(good)[:-9])
    assert answer.status_code == 202
    assert references(answer, "00081199") == ["1.1"]
    assert (references(answer, "00081198"), reasons(answer)) == (["1.1"], [0x0111])
    assert reasons(answer, "0008119A") == [0xC000, 0xC001, 0xC000]
    kinds = [each.kind for each in origin.store.incidents]
    assert sorted(kinds) == [IncidentKind.CONFLICT] + 3 * [IncidentKind.UNREADABLE]
    assert send(origin, b"garbage").status_code == 409


def test_a_full_disk_and_a_lost_database_are_told(
    origin: OriginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.store.unavailable = True
    answer = send(origin, part10_of(make("1.1")))
    origin.store.unavailable = False
    assert (answer.status_code, reasons(answer)) == (503, [0xA701])
    assert answer.headers["retry-after"]

    def full() -> None:
        raise OutOfSpace

    monkeypatch.setattr(origin.archive, "check_space", full)
    answer = send(origin, part10_of(make("1.1")))
    monkeypatch.undo()
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert origin.index.find("1.1") is None


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=', 400),
        ('multipart/related; type="application/dicom"; boundary=another', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 201}', 400),
        ('multipart/related; type="text/html"; boundary=a-boundary', 415),
        ("multipart/form-data; boundary=a-boundary", 415),
        ("text/html", 415),
        ("", 415),
        ("nonsense", 400),
    ],
)
def test_the_content_type_has_to_fit(origin: OriginServer, content_type: str, status: int) -> None:
    answer = send(origin, part10_of(make("1.1")), Content_Type=content_type)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert origin.index.find("1.1") is None


def test_a_broken_message_stores_nothing(origin: OriginServer) -> None:
    whole = multipart_of([("application/dicom", part10_of(make("1.1")))])
    for body in (
        whole[:-20],
        b"",
        b"--a-boundary--\r\n",
        multipart_of([("multipart/related; boundary=b", whole)]),
        multipart_of([("text/plain", b"x")]),
        multipart_of([("application/dicom", b"x", {"Content-Encoding": "gzip"})]),
        multipart_of([("application/dicom", b"x", {"Content-Transfer-Encoding": "base64"})]),
        multipart_of([("application/dicom", b"x", {"Content-Length": "2"})]),
        multipart_of([("application/dicom", b"x", {"Content-Length": "many"})]),
        whole.replace(b"Content-Type", b"Content-Typ" + b"e" * 9000),
    ):
        answer = post(origin, body)
        assert answer.status_code in (400, 415), body[:100]
        assert origin.index.find("1.1") is None
        assert left_behind(origin) == []


def test_what_is_pressed_is_not_taken(origin: OriginServer) -> None:
    bomb = gzip.compress(b"\0" * (32 << 20))
    assert post(origin, bomb, Content_Encoding="gzip").status_code == 415


def test_there_is_a_limit_to_a_request(tmp_path: Path, origin: OriginServer) -> None:
    with OriginServer(tmp_path / "small", maximum_request=1 << 20) as small:
        large = b"\0" * (2 << 20)
        assert send(small, large).status_code == 413

        def endless() -> Iterator[bytes]:
            yield b"--a-boundary\r\nContent-Type: application/dicom\r\n\r\n"
            for _ in range(64):
                yield b"\0" * 65536

        # The answer may come while the body still is on its way.

        with contextlib.suppress(httpx.TransportError):
            assert post(small, endless()).status_code == 413
        assert left_behind(small) == []
        assert send(small, part10_of(make("1.1"))).status_code == 200


def test_a_sender_that_goes_away_leaves_nothing(origin: OriginServer) -> None:
    host, port = origin.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n"
            b"Content-Type: " + TYPE.encode() + b"\r\n\r\n"
            b"--a-boundary\r\nContent-Type: application/dicom\r\n\r\nhalf"
        )
    assert origin.get("/studies").status_code == 200


def test_an_answer_that_nobody_reads_is_not_acceptable(origin: OriginServer) -> None:
    answer = send(origin, part10_of(make("1.1")), Accept="text/html")
    assert answer.status_code == 406
    assert origin.index.find("1.1") is None
    xml = send(origin, part10_of(make("1.1")), Accept="application/dicom+xml")
    assert xml.headers["content-type"] == "application/dicom+xml"
    assert b"ReferencedSOPSequence" in xml.content


def test_one_instance_may_come_alone(origin: OriginServer) -> None:
    answer = post(origin, part10_of(make("1.1")), Content_Type="application/dicom")
    assert answer.status_code == 200
    assert post(origin, b"", Content_Type="application/dicom").status_code == 400


def model_of(made: FileDataset, uri: str = "bulk/1") -> dict[str, Any]:
    model: dict[str, Any] = made.to_json_dict(10**9)
    model["7FE00010"] = {"vr": "OW", "BulkDataURI": uri}
    return model


def send_models(origin: OriginServer, models: Any, *bulk: tuple[str, bytes, str]) -> Any:
    parts: list[Any] = [("application/dicom+json", json.dumps(models).encode())]
    parts += [(media, content, {"Content-Location": at}) for media, content, at in bulk]
    return post(origin, multipart_of(parts), Content_Type=JSON_TYPE)


def test_metadata_and_bulk_data_make_an_instance(origin: OriginServer) -> None:
    made = make("1.1", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")
    answer = send_models(
        origin, [model_of(made)], ("application/octet-stream", VALUES.tobytes(), "bulk/1")
    )
    assert (answer.status_code, references(answer, "00081199")) == (200, ["1.1"])
    held = origin.index.find("1.1")
    assert held is not None
    stored = pydicom.dcmread(origin.archive.path(held.key))
    np.testing.assert_array_equal(stored.pixel_array, VALUES)
    assert stored.PatientName == "Müller^Jörg"
    assert stored["PixelData"].VR == "OW"


def test_bulk_data_may_be_compressed(origin: OriginServer) -> None:
    made = make("1.1")
    model = model_of(made)
    made.compress(JPEGLSLossless, generate_instance_uid=False)
    frame = next(pydicom.encaps.generate_frames(made.PixelData, number_of_frames=1))
    answer = send_models(origin, [model], ("image/jls", frame, "bulk/1"))
    assert answer.status_code == 200, answer.text
    held = origin.index.find("1.1")
    assert held is not None
    assert held.description.transfer_syntax_uid == JPEGLSLossless
    stored = pydicom.dcmread(origin.archive.path(held.key))
    np.testing.assert_array_equal(stored.pixel_array, VALUES)


def test_metadata_that_make_no_instance_fail_alone(origin: OriginServer) -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"00081140": {"vr": "SQ", "Value": [deep]}}
    wrong = model_of(make("1.2"))
    wrong["00280010"] = {"vr": "US", "Value": ["sixteen"]}
    missing = model_of(make("1.3"), "bulk/other")
    strange = model_of(make("1.4"), "bulk/html")
    answer = send_models(
        origin,
        [model_of(make("1.1")), wrong, missing, strange, model_of(make("1.5")) | deep],
        ("application/octet-stream", VALUES.tobytes(), "bulk/1"),
        ("text/html", b"x", "bulk/html"),
    )
    assert answer.status_code == 202, answer.text
    assert references(answer, "00081199") == ["1.1"]
    assert references(answer, "00081198")[:3] == ["1.2", "1.3", "1.4"]
    assert set(reasons(answer)) == {0xC000}


@pytest.mark.parametrize(
    "text",
    ["", "[", "[1]", "[]", '"x"', "[" * 100_000, '{"a":' * 50_000, "[" + "{}," * 20_000 + "{}]"],
)
def test_metadata_that_are_none_are_refused(origin: OriginServer, text: str) -> None:
    body = multipart_of([("application/dicom+json", text.encode())])
    assert post(origin, body, Content_Type=JSON_TYPE).status_code == 400


def test_no_patient_is_named_in_the_log(
    origin: OriginServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="dicom_node")
    caplog.set_level("DEBUG", logger="inference")
    first = make("1.1", PatientName="SECRET^NAME", PatientID="SECRET1")
    second = make("1.1", PatientName="SECRET^OTHER", PatientID="SECRET2")
    send(origin, part10_of(first), part10_of(second), part10_of(first)[:-9])
    origin.get("/studies?PatientName=SECRET*")
    origin.get(f"/studies/{STUDY}/metadata")
    assert "SECRET" not in caplog.text
