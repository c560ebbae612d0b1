"""Whatever comes to the port, the service goes on and says in its log what happened."""

from __future__ import annotations

import os
import random
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.dcmtk import echoscu, storescu
from tests.support.node import Node
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import PATIENT_ID, PATIENT_NAME, radiograph

HALF_A_PDU = bytes.fromhex("0100 00000200 0001".replace(" ", "")) + b"WETREAD"
A_PDU_OF_4_GIB = bytes.fromhex("0100fffffffe")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that takes few associations, and waits for nobody for long."""
    folder = tmp_path_factory.mktemp("garbage")
    with Node(folder, network_timeout_seconds=2, maximum_associations=4) as node:
        yield node


def test_garbage_leaves_a_log_line_and_a_working_service(node: Node, tmp_path: Path) -> None:
    choice = random.Random(7)
    payloads = [choice.randbytes(4096), HALF_A_PDU, A_PDU_OF_4_GIB, b"GET / HTTP/1.1\r\n\r\n", b""]
    for payload in payloads:
        with socket.create_connection((HOST, node.port), timeout=10) as connection:
            connection.sendall(payload)
    hanging = [socket.create_connection((HOST, node.port), timeout=10) for _ in range(3)]
    try:
        # Until the garbage is seen off there may be no association left for these two.
        wait_for(lambda: echoscu(node.port, called="WETREAD").returncode == 0, "C-ECHO", 30)

        def refused() -> bool:
            assert echoscu(node.port, called="NOT-WETREAD").returncode != 0
            return "called AE title not recognised" in node.log_text

        wait_for(refused, "the refusal of another AE title", 30)
    finally:
        for connection in hanging:
            connection.close()
    radiograph(tmp_path / "after.dcm")
    storescu([tmp_path / "after.dcm"], node.port, called="WETREAD")
    node.settle(1)
    log = node.log_text
    assert log.count("a PDU of unknown type") == 2
    assert "a PDU of 4294967294 bytes" in log


def test_a_damaged_data_set_is_kept_aside_and_refused(node: Node, tmp_path: Path) -> None:
    before = node.status()
    path = tmp_path / "broken.dcm"
    radiograph(path, StudyInstanceUID=None)
    done = storescu([path], node.port, called="WETREAD", check=False)
    assert done.returncode != 0
    status = node.status()
    assert status["account"]["unreadable"] == before["account"]["unreadable"] + 1
    known = {each["key"] for each in before["incidents"]}
    (incident,) = (each for each in status["incidents"] if each["key"] not in known)
    assert "Study Instance UID" in incident["reason"]
    assert (node.home / "archive" / incident["key"]).stat().st_size > 0


def test_the_same_instance_twice_is_one_and_other_bytes_are_kept_aside(
    node: Node, tmp_path: Path
) -> None:
    before = node.status()["account"]
    first = radiograph(tmp_path / "first.dcm", seed=1)
    storescu([tmp_path / "first.dcm"], node.port, called="WETREAD")
    storescu([tmp_path / "first.dcm"], node.port, called="WETREAD")
    radiograph(
        tmp_path / "second.dcm",
        study=first.StudyInstanceUID,
        series=first.SeriesInstanceUID,
        instance=first.SOPInstanceUID,
        seed=2,
    )
    storescu([tmp_path / "second.dcm"], node.port, called="WETREAD", check=False)
    after = node.settle(before["studies_stable"] + 1)["account"]
    assert after["instances"] == before["instances"] + 1
    assert after["conflicts"] == before["conflicts"] + 1
    assert after["revisions"] == before["revisions"] + 1


def test_a_full_disk_is_said_and_the_image_is_not_taken(
    make_node: Callable[..., Node], tmp_path: Path
) -> None:
    free = os.statvfs(tmp_path)
    node = make_node(
        ready="/healthz", low_watermark_mb=free.f_bavail * free.f_frsize // 2**20 + 2**20
    )
    ready = httpx.get(f"{node.url}/readyz", trust_env=False)
    assert (ready.status_code, ready.json()["title"]) == (503, "OutOfSpace")
    radiograph(tmp_path / "image.dcm")
    done = storescu(
        [tmp_path / "image.dcm"], node.port, called="WETREAD", extra=["-v"], check=False
    )
    assert done.returncode != 0
    assert "Refused: OutOfResources" in done.stdout + done.stderr
    assert node.status()["account"]["instances"] == 0


def test_no_patient_data_in_the_log(make_node: Callable[..., Node], tmp_path: Path) -> None:
    node = make_node()
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    radiograph(good)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of what we break on purpose
        radiograph(bad, PixelData=b"\0\0", PatientAge="QUILLY", StudyDate="Ottoline")
    storescu([good], node.port, called="WETREAD")
    storescu([bad], node.port, called="WETREAD", check=False)
    node.settle(1)
    node.stop()
    log = node.log_text.lower()
    for word in (*PATIENT_NAME.split("^"), PATIENT_ID, "QUILLY"):
        assert word.lower() not in log
