"""C-MOVE, asked by DCMTK's movescu and by pynetdicom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom import AE, evt

from tests.integration.dicom_node.peer import Peer
from tests.integration.dicom_node.retrieval import (
    COMPRESSED,
    MOVE,
    SC,
    UIDS,
    VALUES,
    counts,
    fill,
    nothing_left,
    query,
)
from tests.support.dcmtk import movescu
from tests.support.dimse import AE_TITLE, DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST, free_port, wait_for
from tests.support.servers import StorescpServer

MANY = 200


@pytest.fixture(scope="module")
def storescp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorescpServer]:
    with StorescpServer(tmp_path_factory.mktemp("storescp")) as server:
        yield server


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, storescp: StorescpServer) -> Iterator[DimseNode]:
    destinations = {"STORESCP": (HOST, storescp.port), "NOWHERE": (HOST, free_port())}
    root = tmp_path_factory.mktemp("node")
    with DimseNode(root, sqlite=True, queries={"destinations": destinations}) as node:
        fill(node)
        yield node


@pytest.fixture
def move_to(tmp_path: Path) -> Iterator[Callable[[int], DimseNode]]:
    """Start a node that knows one destination, filled as the other one is."""
    with ExitStack() as stack:

        def start(port: int) -> DimseNode:
            queries = {"destinations": {"STORESCP": (HOST, port)}}
            node = stack.enter_context(DimseNode(tmp_path / "node", sqlite=True, queries=queries))
            fill(node)
            return node

        yield start


def test_who_asked_for_a_move_goes_away(move_to: Callable[[int], DimseNode]) -> None:
    seen: list[Any] = []
    gone = threading.Event()

    def on_store(event: Any) -> int:
        seen.append(event.request)
        if len(seen) == 2:
            assert gone.wait(30)
        return 0x0000

    ae = AE("STORESCP")
    for syntax in (ExplicitVRLittleEndian, *COMPRESSED.values()):
        ae.add_supported_context(SC, syntax)
    server = ae.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
    try:
        node = move_to(server.server_address[1])
        asker = AE("MOVESCU")
        asker.add_requested_context(MOVE)
        association = asker.associate(HOST, node.port, ae_title=AE_TITLE)
        answers = association.send_c_move(query("1.2.3"), "STORESCP", MOVE)
        next(answers)
        wait_for(lambda: len(seen) == 2, "the second is being sent")
        association.abort()
        gone.set()
        nothing_left(node)
    finally:
        gone.set()
        server.shutdown()
    assert len(seen) < len(UIDS)


def test_move_sends_as_held(node: DimseNode, storescp: StorescpServer) -> None:
    said = movescu(node.port, "STORESCP", "STUDY", "StudyInstanceUID=1.2.3")
    assert "Received Final Move Response (Success)" in said
    assert said.count("(Pending)") == len(UIDS)
    came = {str(each.SOPInstanceUID): each for each in map(dcmread, storescp.files)}
    assert sorted(came) == UIDS
    for uid, syntax in COMPRESSED.items():
        assert came[uid].file_meta.TransferSyntaxUID == syntax
    for each in came.values():
        assert (each.pixel_array == VALUES).all()


def test_move_on_the_lower_levels(node: DimseNode) -> None:
    said = movescu(
        *(node.port, "STORESCP", "SERIES"), "StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.1"
    )
    assert said.count("(Pending)") == 2
    said = movescu(
        *(node.port, "STORESCP", "IMAGE"),
        *("StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.1", "SOPInstanceUID=1.2.3.1.2"),
    )
    assert said.count("(Pending)") == 1
    assert "Received Final Move Response (Success)" in said


def test_move_to_who_takes_implicit_vr_alone(move_to: Callable[[int], DimseNode]) -> None:
    seen = []

    def on_store(event: Any) -> int:
        event.dataset.file_meta = event.file_meta
        seen.append((event.request, event.dataset))
        return 0x0000

    ae = AE("STORESCP")
    ae.add_supported_context(SC, ImplicitVRLittleEndian)
    server = ae.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
    try:
        node = move_to(server.server_address[1])
        said = movescu(node.port, "STORESCP", "STUDY", "StudyInstanceUID=1.2.3", calling="ASKER")
    finally:
        server.shutdown()
    assert "Received Final Move Response (Success)" in said
    assert sorted(made.SOPInstanceUID for _, made in seen) == UIDS
    for request, made in seen:
        assert (made.pixel_array == VALUES).all()
        assert request.MoveOriginatorApplicationEntityTitle == "ASKER"
        assert request.MoveOriginatorMessageID == 1


@pytest.mark.parametrize(
    ("status", "final"), [(0x0000, 0xB000), (0xA700, 0xA702)], ids=["some", "none"]
)
def test_move_to_who_takes_but_a_part(
    move_to: Callable[[int], DimseNode], status: int, final: int
) -> None:
    with Peer((SC, JPEG2000Lossless), status=status) as peer:
        node = move_to(peer.port)
        answer, failed = moved(node, "STORESCP")
        assert answer.Status == final
        assert set(failed.FailedSOPInstanceUIDList) >= set(UIDS) - {"1.2.3.2.2"}


def moved(node: DimseNode, destination: str) -> tuple[Dataset, Dataset]:
    ae = AE("MOVESCU")
    ae.add_requested_context(MOVE)
    association = ae.associate(HOST, node.port, ae_title=AE_TITLE)
    *_, (answer, failed) = association.send_c_move(query("1.2.3"), destination, MOVE)
    association.release()
    return answer, failed


def test_move_to_nobody_that_is_known(node: DimseNode) -> None:
    answer, _ = moved(node, "STRANGER")
    assert answer.Status == 0xA801
    assert answer.ErrorComment == "STRANGER is no destination that is configured"


def test_move_to_somebody_who_does_not_answer(node: DimseNode) -> None:
    answer, failed = moved(node, "NOWHERE")
    assert answer.Status == 0xA702
    assert counts(answer) == (0, 0, len(UIDS), 0)
    assert sorted(failed.FailedSOPInstanceUIDList) == UIDS


def test_move_is_cancelled(node: DimseNode, storescp: StorescpServer) -> None:
    for number in range(MANY):
        node.add(
            radiograph(
                study="1.2.7",
                series="1.2.7.1",
                sop_instance=f"1.2.7.1.{number}",
                values=np.zeros((4, 4), np.uint8),
            )
        )
    said = movescu(
        *(node.port, "STORESCP", "STUDY", "StudyInstanceUID=1.2.7"), extra=["--cancel", "1"]
    )
    assert "Cancel" in said.rsplit("Final Move Response", 1)[-1]
    assert 0 < len([each for each in storescp.files if "1.2.7.1." in each.name]) < MANY


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ("STUDY", ["PatientID=P1"]),
        ("SERIES", ["SeriesInstanceUID=1.2.3.1"]),
        ("PATIENT", ["PatientID=P1"]),
        ("STUDY", ["StudyInstanceUID=*"]),
    ],
)
def test_a_retrieval_without_unique_keys(node: DimseNode, level: str, keys: list[str]) -> None:
    said = movescu(node.port, "STORESCP", level, *keys)
    assert "Error: DataSetDoesNotMatchSOPClass" in said
