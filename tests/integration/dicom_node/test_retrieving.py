"""C-GET and C-MOVE, asked by DCMTK's getscu and movescu, and by pynetdicom."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from tests.integration.dicom_node.peer import Peer
from tests.support.dcmtk import getscu, movescu
from tests.support.dimse import AE_TITLE, DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST, free_port, wait_for
from tests.support.servers import StorescpServer
from tests.unit.dicom_node.images import ramp

GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
SC = str(SecondaryCaptureImageStorage)
VALUES = ramp()
COMPRESSED = {
    "1.2.3.2.1": RLELossless,
    "1.2.3.2.2": JPEG2000Lossless,
    "1.2.3.2.3": JPEGLSLossless,
}
UIDS = ["1.2.3.1.1", "1.2.3.1.2", *COMPRESSED]
BROKEN = "1.2.9"  # a Study that holds an image that cannot be decoded, and one that can
MANY = 200


def fill(node: DimseNode) -> None:
    for number in (1, 2):
        node.add(
            radiograph(
                study="1.2.3",
                series="1.2.3.1",
                sop_instance=f"1.2.3.1.{number}",
                values=VALUES,
                PatientName="Doe^Jane",
            )
        )
    for uid, syntax in COMPRESSED.items():
        made = radiograph(study="1.2.3", series="1.2.3.2", sop_instance=uid, values=VALUES)
        made.compress(syntax, generate_instance_uid=False)
        node.add(made)
    for number in range(2):
        made = radiograph(
            study=BROKEN, series="1.2.9.1", sop_instance=f"1.2.9.1.{number}", values=VALUES
        )
        made.compress(JPEG2000Lossless, generate_instance_uid=False)
        if number:
            made.PixelData = made.PixelData[:40] + bytes(len(made.PixelData) - 40)
        node.add(made)


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


@pytest.mark.parametrize(
    ("level", "keys", "uids"),
    [
        ("STUDY", ["StudyInstanceUID=1.2.3"], UIDS),
        ("SERIES", ["StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.1"], UIDS[:2]),
        (
            "IMAGE",
            ["StudyInstanceUID=1.2.3", "SeriesInstanceUID=1.2.3.2", "SOPInstanceUID=1.2.3.2.1"],
            ["1.2.3.2.1"],
        ),
        (
            "IMAGE",
            [
                "StudyInstanceUID=1.2.3",
                "SeriesInstanceUID=1.2.3.2",
                "SOPInstanceUID=1.2.3.2.1\\1.2.3.2.3",
            ],
            ["1.2.3.2.1", "1.2.3.2.3"],
        ),
        ("STUDY", ["StudyInstanceUID=1.2.99"], []),
    ],
)
def test_get_on_every_level(
    node: DimseNode, tmp_path: Path, level: str, keys: list[str], uids: list[str]
) -> None:
    came, said = getscu(node.port, level, *keys, directory=tmp_path)
    assert sorted(each.SOPInstanceUID for each in came) == uids
    assert "Received C-GET Response (Success)" in said
    assert re.search(rf"Completed Suboperations : {len(uids)}\n", said)
    for each in came:
        assert (each.pixel_array == VALUES).all()


def test_get_decodes_what_the_peer_does_not_read(node: DimseNode, tmp_path: Path) -> None:
    came, _ = getscu(
        node.port, "STUDY", "StudyInstanceUID=1.2.3", directory=tmp_path, extra=["+xe"]
    )
    assert {each.file_meta.TransferSyntaxUID for each in came} == {ExplicitVRLittleEndian}
    assert len(came) == len(UIDS)
    for each in came:
        assert (each.pixel_array == VALUES).all()
    assert list((node.root / "archive" / "spool").iterdir()) == []


def test_get_in_implicit_vr(node: DimseNode) -> None:
    came = []

    def on_store(event: Any) -> int:
        event.dataset.file_meta = event.file_meta
        came.append(event.dataset)
        return 0x0000

    association = requestor(node, (SC, ImplicitVRLittleEndian), handler=on_store)
    *_, (final, _) = association.send_c_get(query("1.2.3"), GET)
    association.release()
    assert final.Status == 0x0000
    assert sorted(each.SOPInstanceUID for each in came) == UIDS
    for each in came:
        assert each.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert (each.pixel_array == VALUES).all()


def requestor(
    node: DimseNode, *contexts: tuple[str, str], handler: Callable[[Any], int] | None = None
) -> Association:
    """An association for C-GET with the SCP role for these."""
    ae = AE("GETSCU")
    ae.add_requested_context(GET)
    for sop_class, syntax in contexts:
        ae.add_requested_context(sop_class, syntax)
    roles = [build_role(each, scp_role=True) for each in {each for each, _ in contexts}]
    association = ae.associate(
        HOST,
        node.port,
        ae_title=AE_TITLE,
        ext_neg=roles,
        evt_handlers=[(evt.EVT_C_STORE, handler or (lambda _: 0x0000))],
    )
    assert association.is_established
    return association


def query(study: str) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = "STUDY"
    made.StudyInstanceUID = study
    return made


def counts(answer: Dataset) -> tuple[int, int, int, int]:
    return (
        answer.get("NumberOfRemainingSuboperations", 0),
        answer.NumberOfCompletedSuboperations,
        answer.NumberOfFailedSuboperations,
        answer.NumberOfWarningSuboperations,
    )


def test_get_sends_as_held_where_that_was_accepted(node: DimseNode) -> None:
    syntaxes = []

    def on_store(event: Any) -> int:
        syntaxes.append(event.context.transfer_syntax)
        return 0x0000

    held = [ExplicitVRLittleEndian, *COMPRESSED.values()]
    association = requestor(node, *((SC, each) for each in held), handler=on_store)
    answers = list(association.send_c_get(query("1.2.3"), GET))
    association.release()
    assert syntaxes == [ExplicitVRLittleEndian, ExplicitVRLittleEndian, *COMPRESSED.values()]
    assert [each.Status for each, _ in answers] == [0xFF00] * 5 + [0x0000]
    assert [counts(each)[0] for each, _ in answers] == [5, 4, 3, 2, 1, 0]
    assert counts(answers[-1][0]) == (0, 5, 0, 0)


def test_what_has_no_context_has_failed_and_is_named(node: DimseNode) -> None:
    association = requestor(node, (SC, JPEG2000Lossless))
    *_, (final, failed) = association.send_c_get(query("1.2.3"), GET)
    association.release()
    assert final.Status == 0xB000
    assert counts(final) == (0, 1, 4, 0)
    assert sorted(failed.FailedSOPInstanceUIDList) == sorted(set(UIDS) - {"1.2.3.2.2"})


def test_none_at_all_is_a_failure(node: DimseNode) -> None:
    association = requestor(node, (CTImageStorage, ExplicitVRLittleEndian))
    *_, (final, failed) = association.send_c_get(query("1.2.3"), GET)
    association.release()
    assert final.Status == 0xA702
    assert final.ErrorComment == "None of the Instances could be sent"
    assert len(failed.FailedSOPInstanceUIDList) == len(UIDS)


def test_without_the_role_nothing_is_sent(node: DimseNode) -> None:
    ae = AE("GETSCU")
    ae.add_requested_context(GET)
    ae.add_requested_context(SC, ExplicitVRLittleEndian)
    association = ae.associate(HOST, node.port, ae_title=AE_TITLE)
    *_, (final, _) = association.send_c_get(query("1.2.3"), GET)
    association.release()
    assert final.Status == 0xA702


@pytest.mark.parametrize(
    ("answer", "status", "counted"),
    [(0xB007, 0xB000, (0, 0, 0, 5)), (0xA700, 0xA702, (0, 0, 5, 0))],
)
def test_what_the_peer_says_of_each_is_counted(
    node: DimseNode, answer: int, status: int, counted: tuple[int, int, int, int]
) -> None:
    association = requestor(node, (SC, ExplicitVRLittleEndian), handler=lambda _: answer)
    *_, (final, _) = association.send_c_get(query("1.2.3"), GET)
    association.release()
    assert (final.Status, counts(final)) == (status, counted)


def test_a_broken_image_costs_no_other(node: DimseNode, tmp_path: Path) -> None:
    came, said = getscu(node.port, "STUDY", f"StudyInstanceUID={BROKEN}", directory=tmp_path)
    assert [each.SOPInstanceUID for each in came] == ["1.2.9.1.0"]
    assert re.search(r"Failed Suboperations    : 1\n", said)
    assert list((node.root / "archive" / "spool").iterdir()) == []


def test_get_is_cancelled(tmp_path: Path) -> None:
    with DimseNode(tmp_path, sqlite=True) as node:
        for _ in range(5):
            node.add(radiograph(study="1.2.3", series="1.2.3.1"))

        def on_store(event: Any) -> int:
            event.assoc.send_c_cancel(1, query_model=GET)
            return 0x0000

        association = requestor(node, (SC, ExplicitVRLittleEndian), handler=on_store)
        *_, (final, _) = association.send_c_get(query("1.2.3"), GET, msg_id=1)
        association.release()
        assert final.Status == 0xFE00
        remaining, completed, failed, _ = counts(final)
        assert remaining > 0
        assert completed + remaining == 5
        assert failed == 0


def nothing_left(node: DimseNode) -> None:
    listener = node.scp._listener
    assert listener is not None
    wait_for(lambda: not listener.active_associations, "every association has ended")
    assert list((node.root / "archive" / "spool").iterdir()) == []


def test_an_abort_amid_a_get(node: DimseNode) -> None:
    seen = []

    def on_store(event: Any) -> int:
        seen.append(event.request)
        event.assoc.abort()
        return 0x0000

    association = requestor(node, (SC, ExplicitVRLittleEndian), handler=on_store)
    association.dimse_timeout = 1  # pynetdicom's requestor waits for an answer all the same
    list(association.send_c_get(query("1.2.3"), GET))
    assert len(seen) == 1
    nothing_left(node)


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


def test_who_may_retrieve_is_configured(tmp_path: Path) -> None:
    with DimseNode(tmp_path / "node", queries={"query_ae_titles": ["PACS"]}) as node:
        node.add(radiograph(study="1.2.3"))
        came, said = getscu(
            node.port, "STUDY", "StudyInstanceUID=1.2.3", directory=tmp_path / "other"
        )
        assert came == []
        assert "Completed Suboperations : 1" not in said
        association = requestor(node)
        *_, (final, _) = association.send_c_get(query("1.2.3"), GET)
        association.release()
        assert final.Status == 0x0124
