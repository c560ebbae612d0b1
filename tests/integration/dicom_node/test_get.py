"""C-GET, asked by DCMTK's getscu and by pynetdicom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from tests.integration.dicom_node.retrieval import (
    BROKEN,
    COMPRESSED,
    GET,
    SC,
    UIDS,
    VALUES,
    counts,
    fill,
    nothing_left,
    query,
)
from tests.support.dcmtk import getscu
from tests.support.dimse import AE_TITLE, DimseNode
from tests.support.origin import radiograph
from tests.support.programs import HOST


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DimseNode]:
    with DimseNode(tmp_path_factory.mktemp("node"), sqlite=True) as node:
        fill(node)
        yield node


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
