"""Bodies that mean harm, to a whole node: refused, in bounded memory, with nothing half stored."""

from __future__ import annotations

import gzip
import json
import select
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.multipart import multipart_of
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import PATIENT_NAME, radiograph

DICOM = "application/dicom"
JSON = "application/dicom+json"
PARTS = f'multipart/related; type="{DICOM}"; boundary=a-boundary'
METADATA = f'multipart/related; type="{JSON}"; boundary=a-boundary'
STOW = "/dicom-web/studies"
MAXIMUM = 32  # MiB of one Store transaction
SENT = 160 << 20  # bytes, where a body has no end
ROOM = 48 << 20  # bytes that the node's memory may grow by meanwhile
REVIEWS = "/api/v1/results/1/reviews"
SEARCH = "/api/v1/search/studies"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("hostile"), maximum_stow_mb=MAXIMUM) as node:
        # The first request imports what the others use.
        send(node, STOW, PARTS, [multipart_of([(DICOM, b"none")])])
        send(node, SEARCH, "application/json", [b"{}"])
        yield node


@pytest.fixture(autouse=True)
def nothing_is_left(node: Node) -> Iterator[None]:
    """Nothing stored, nothing in the spool, no more memory, and the node goes on."""
    process = Path(f"/proc/{node.pid}")
    (process / "clear_refs").write_text("5")  # the peak is counted anew (proc(5))
    before = memory(process, "VmRSS")
    yield
    assert memory(process, "VmHWM") - before < ROOM
    spool = node.home / "archive" / "spool"
    wait_for(lambda: not list(spool.rglob("*.*")) if spool.exists() else True, "an empty spool")
    status = node.status()
    assert status["account"]["instances"] == 0
    assert "Traceback" not in node.log_text
    assert PATIENT_NAME not in node.log_text


def memory(process: Path, name: str) -> int:
    """Return bytes."""
    (line,) = (
        each for each in (process / "status").read_text().splitlines() if each.startswith(name)
    )
    return int(line.split()[1]) * 1024


def send(
    node: Node,
    path: str,
    content_type: str,
    body: Iterable[bytes],
    *,
    length: int | None = None,
    **headers: str,
) -> int:
    """Send a body until it ends or an answer comes; return the status, 0 for none.

    It goes in chunks unless `length` says how long it claims to be; with a length that it does
    not have, the sender goes away.
    """
    head = [f"POST {path} HTTP/1.1", f"Host: {HOST}:{node.http_port}", "Connection: close"]
    head.append(f"Content-Type: {content_type}")
    head.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection((HOST, node.http_port), timeout=60) as wire:
        wire.sendall("\r\n".join([*head, "", ""]).encode())
        try:
            for piece in body:
                if select.select([wire], [], [], 0)[0]:
                    break
                wire.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if length is None else piece)
            else:
                wire.sendall(b"0\r\n\r\n" if length is None else b"")
                if length is not None:
                    wire.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = wire.recv(65536)
        except ConnectionResetError:
            return 0
    return int(answer.split(b" ", 2)[1]) if answer else 0


def endless(start: bytes = b"", piece: bytes = b"\0" * (1 << 20)) -> Iterator[bytes]:
    if start:  # an empty chunk would be the end
        yield start
    for _ in range(SENT // len(piece)):
        yield piece


PART = b"--a-boundary\r\nContent-Type: application/dicom\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (PART, 413),  # a part without end
        (b"", 400),  # a boundary that never comes
        (b"--a-boundary\r\nX-Header: ", 400),  # the headers of a part
        (b"--a-boundary", 400),  # a boundary that goes on
    ],
)
def test_what_never_ends(node: Node, start: bytes, status: int) -> None:
    assert send(node, STOW, PARTS, endless(start)) == status


def test_an_instance_without_end(node: Node) -> None:
    assert send(node, STOW, DICOM, endless()) == 413
    assert send(node, STOW, DICOM, [b""], length=SENT) == 413


def test_parts_within_parts_and_no_boundary(node: Node) -> None:
    inner = 'multipart/related; boundary="b"'
    assert send(node, STOW, PARTS, [multipart_of([(inner, b"--b\r\n")])]) == 415
    assert send(node, STOW, "multipart/related", [PART]) == 400
    assert send(node, STOW, f"multipart/related; boundary={'b' * 5000}", [PART]) == 400


def test_lengths_that_are_not_so(node: Node, tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm")
    image = (tmp_path / "a.dcm").read_bytes()
    for said in (len(image) + 1, len(image) - 1, 10**30):
        part = (DICOM, image, {"Content-Length": str(said)})
        assert send(node, STOW, PARTS, [multipart_of([part])]) == 400
    whole = multipart_of([(DICOM, image)])
    # The sender says more than it sends, and goes; then it breaks off in the middle.
    assert send(node, STOW, PARTS, [whole], length=len(whole) + 10) in (0, 400)
    assert send(node, STOW, PARTS, [whole[:-200]], length=len(whole)) in (0, 400)
    assert send(node, STOW, PARTS, [whole[:-200]]) == 400


def bomb() -> bytes:
    """Return half a megabyte that inflates to 512 MB."""
    return gzip.compress(bytes(1 << 20), 9) * 512


def test_what_inflates_is_not_taken(node: Node) -> None:
    pressed = bomb()
    for encoding in ("gzip", "deflate", "br", "GZIP", "gzip, identity"):
        assert send(node, STOW, PARTS, [pressed], Content_Encoding=encoding) == 415
        assert send(node, SEARCH, "application/json", [pressed], Content_Encoding=encoding) == 415
    part = (DICOM, pressed, {"Content-Encoding": "gzip"})
    assert send(node, STOW, PARTS, [multipart_of([part])]) == 415


@pytest.mark.parametrize(
    "metadata",
    [
        b"[" * 500_000,
        b'[{"00081199":{"vr":"SQ","Value":[' * 20_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'[{"00100010":{"vr":"PN","Value":["\0\xff\xfe"]}}]',
        b"\xef\xbb\xbf[{}]" + b" " * 100,
        b"[" + b"{}," * 200_000 + b"{}]",
    ],
)
def test_metadata_that_mean_harm(node: Node, metadata: bytes) -> None:
    assert send(node, STOW, METADATA, [multipart_of([(JSON, metadata)])]) in (400, 409)


@pytest.mark.parametrize("path", [REVIEWS, SEARCH, "/api/v1/jobs/1/replay"])
def test_json_that_means_harm(node: Node, path: str) -> None:
    media = "application/json"
    assert send(node, path, media, [b""], length=SENT) == 413
    if path == "/api/v1/jobs/1/replay":
        assert send(node, path, media, endless(b"[")) == 413
        return
    assert send(node, path, media, endless(b'{"comment": "', b"a" * (1 << 16))) == 413
    for body in (
        b"[" * 100_000,
        b'{"comment":' * 50_000,
        b"\0",
        b"\xff\xfe",
        b'{"comment": "\xff"}',
        b'{"limit": 1e999}',
        b'{"limit": ' + b"9" * 10_000 + b"}",
        b"NaN",
        b"[]",
        b"",
    ):
        status = send(node, path, media, [body])
        assert status in (400, 422), body[:20]
    for odd in ("\ud800", "\0", "\x7f", "*", "%", "' OR 1=1 --"):
        said = json.dumps({"patient_id": odd, "accession_number": odd, "modality": odd}).encode()
        assert send(node, path, media, [said]) in (200, 422), odd


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/fhir/DiagnosticReport/_search", (413,)),
        ("/", (200, 413)),  # too long a form asks for nothing
    ],
)
def test_forms_that_mean_harm(node: Node, path: str, statuses: tuple[int, ...]) -> None:
    media = "application/x-www-form-urlencoded"
    assert send(node, path, media, endless(b"text=", b"a" * (1 << 16))) in statuses
    for body in (b"%00%ff%fe", b"&" * 100_000, b"patient:identifier=%00", b"=\0\xff"):
        assert send(node, path, media, [body]) in (200, 400)


def test_addresses_that_mean_harm(node: Node) -> None:
    odd = ("%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "1" * 5000, "1.2%0d%0aX:%201", "%2e%2e")
    with httpx.Client(base_url=node.url, trust_env=False, timeout=30) as client:
        for text in odd:
            for path in (
                f"/api/v1/studies/{text}",
                f"/api/v1/results/{text}",
                f"/api/v1/models/{text}/{text}",
                f"/api/v1/results?model={text}",
                f"/api/v1/jobs?study_instance_uid={text}",
                f"/fhir/DiagnosticReport/{text}",
                f"/fhir/DiagnosticReport?study={text}",
                f"/dicom-web/studies/{text}",
                f"/dicom-web/studies?PatientName={text}",
                f"/studies/{text}",
            ):
                answer = client.get(path)
                assert answer.status_code < 500, path
                assert answer.status_code in (200, 400, 404, 406, 422), path
