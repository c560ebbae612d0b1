"""Whatever asks: a failure or the end of its association, and the service works on."""

from __future__ import annotations

import logging
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

from dicom_node.dimse.echo import echo
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.catalog import Field, Level
from tests.integration.dicom_node.asker import FIND, GET, Asker, cancel, elements, find, request
from tests.integration.dicom_node.conftest import QUICK
from tests.integration.dicom_node.pdus import p_data
from tests.support.dcmtk import findscu, storescu
from tests.support.dimse import DimseNode
from tests.support.origin import part10_of, radiograph
from tests.support.programs import HOST, wait_for

STUDIES = 10_000
LEVEL = (0x00080052, b"STUDY ")
STUDY_UID = (0x0020000D, b"")
SHORT = elements(LEVEL, STUDY_UID)


# Answers that no system keeps for a peer that does not read.
EVERYTHING = elements(
    LEVEL,
    *((tag_for_keyword(field.keyword) or 0, b"") for field in Field if field.level is Level.STUDY),
)


NESTED = struct.pack("<HHLHHL", 0x40, 0x275, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DimseNode]:
    root = tmp_path_factory.mktemp("node")
    with DimseNode(root, sqlite=True, timeouts=QUICK) as node:
        node.catalogue(STUDIES)
        yield node


@pytest.fixture(autouse=True)
def nothing_left(node: DimseNode) -> Iterator[None]:
    """After each test there is no association left, and the service answers."""
    yield
    listener = node.scp._listener
    assert listener is not None
    wait_for(lambda: not listener.active_associations, "every association has ended")
    assert echo(HOST, node.port) < 5
    wait_for(
        lambda: not any(each.name.startswith("AcceptorThread") for each in threading.enumerate()),
        "every thread has ended",
    )


@pytest.mark.parametrize(
    ("identifier", "status"),
    [
        (b"", 0xA900),
        (b"\0", 0xA900),
        (b"garbage and nothing else", 0xC000),
        (SHORT[:-3], 0xC000),
        (elements(STUDY_UID), 0xA900),
        (elements((0x00080052, b"FRAME "), STUDY_UID), 0xA900),
        (elements(LEVEL, (0x00100010, b"a" * 2000)), 0xA900),
        (elements(LEVEL, (0x0020000D, b"1.2\\" * 2000)), 0xA900),
        (elements(LEVEL, (0x0020000D, b"1.2.3\\" * 20_000)), 0xA900),
        (elements(LEVEL, *((0x00110010 + each, b"") for each in range(5000))), 0xA900),
        (elements(LEVEL, (0x00110010, b"a" * 300_000)), 0xA900),
        (elements(LEVEL) + NESTED[:8], 0xC000),
        (elements(LEVEL) + NESTED * 500, 0xC000),
        (elements((0x00080005, b"ISO_IR 9999"[:10]), LEVEL, (0x00100010, b"\xff*")), 0x0000),
    ],
)  # fmt: skip
def test_identifiers_that_are_none(node: DimseNode, identifier: bytes, status: int) -> None:
    with Asker(node) as asker:
        asker.send(find(identifier))
        assert asker.statuses() == [status]
        asker.send(find(elements(LEVEL, (0x0020000D, b"1.2.3.5\0")), 2))
        assert asker.statuses() == [0xFF00, 0x0000]


def test_an_identifier_that_does_not_end(node: DimseNode) -> None:
    with Asker(node) as asker:
        asker.send(request(0x0020, FIND))
        try:
            for _ in range(100):
                asker.send(p_data(1, 0, bytes(16000)))
        except OSError:
            pass
        assert asker.statuses() == []


def test_mutated_requests(node: DimseNode) -> None:
    chance = random.Random(3)
    whole = find(elements(LEVEL, (0x0020000D, b"1.2.3.5\0"), (0x00100010, b"Doe*")))
    for _ in range(60):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(6, len(changed))] = chance.randrange(256)
        with Asker(node) as asker:
            try:
                asker.send(bytes(changed))
                asker._socket.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            asker.statuses()


def test_a_cancel_is_answered_at_once(node: DimseNode) -> None:
    with Asker(node) as asker:
        asker.send(find(EVERYTHING))
        asker.pdu()
        asker.send(cancel())
        statuses = asker.statuses()
        assert statuses[-1] == 0xFE00
        assert len(statuses) < STUDIES
        for late in (7, 2):  # for nothing that is being answered
            asker.send(cancel(late) + find(elements(LEVEL, (0x0020000D, b"1.2.3.5\0")), 2))
            assert asker.statuses() == [0xFF00, 0x0000]


def test_the_service_stops_though_nobody_takes_its_answers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(DimseNode(tmp_path, sqlite=True, timeouts=Timeouts(drain=30)))
        other.catalogue(STUDIES)
        asker = stack.enter_context(Asker(other))
        asker.send(find(EVERYTHING))
        asker.pdu()
        listener = other.scp._listener
        assert listener is not None
        other.scp.stop()
        assert not listener.active_associations


def test_an_abort_amid_the_answers(node: DimseNode) -> None:
    with Asker(node) as asker:
        asker.send(find(EVERYTHING))
        asker.pdu()
        asker.send(struct.pack(">BBLBBBB", 7, 0, 4, 0, 0, 0, 0))


def test_a_peer_that_goes_away_amid_the_answers(node: DimseNode) -> None:
    with Asker(node) as asker:
        asker.send(find(EVERYTHING))
        asker.pdu()


def test_a_peer_that_takes_no_answers_holds_nobody_up(
    node: DimseNode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sent = tmp_path / "one.dcm"
    sent.write_bytes(part10_of(radiograph()))
    with ExitStack() as stack:
        for _ in range(4):
            asker = stack.enter_context(Asker(node))
            asker.send(find(EVERYTHING))
        storescu([sent], node.port, called="WETREAD")
        answers, _ = findscu(
            node.port, "STUDY", "StudyInstanceUID=1.2.3.5", directory=tmp_path / "answers"
        )
        assert len(answers) == 1
        ended = "the peer does not take what it asked for"
        wait_for(lambda: caplog.text.count(ended) == 4, "all four are given up")


def test_request_after_request_without_reading(node: DimseNode) -> None:
    with Asker(node) as asker:
        try:
            for number in range(1, 200):
                asker.send(find(EVERYTHING, number))
        except OSError:
            pass


@pytest.mark.parametrize("maximum", [1, 7, 127])
def test_a_maximum_pdu_length_of_nothing(node: DimseNode, maximum: int) -> None:
    with Asker(node, maximum_pdu=maximum) as asker:
        asker.send(find(EVERYTHING))
        assert asker.statuses() == []


def test_small_pdus(node: DimseNode) -> None:
    with Asker(node, maximum_pdu=128) as asker:
        asker.send(find(EVERYTHING))
        kinds = []
        while True:
            _, content = asker.pdu()
            assert len(content) <= 128
            kinds.append(content[5])
            if kinds[-1] & 2 and len(kinds) > 1:
                break
        assert set(kinds) == {3, 0, 2}  # a command, and a data set in several fragments


def test_get_without_an_identifier(node: DimseNode) -> None:
    with Asker(node, GET) as asker:
        asker.send(request(0x0010, GET) + p_data(1, 2, b""))
        assert asker.statuses() == [0xA900]


def test_those_who_query_leave_room_for_those_who_send(tmp_path: Path) -> None:
    sent = tmp_path / "one.dcm"
    sent.write_bytes(part10_of(radiograph()))
    with (
        DimseNode(
            tmp_path,
            receiver={"maximum_associations": 3},
            queries={"maximum_associations": 2},
        ) as other,
        ExitStack() as stack,
    ):
        answers = [stack.enter_context(Asker(other)).answer for _ in range(3)]
        assert answers == [2, 2, 3]  # accepted, accepted, rejected
        storescu([sent], other.port, called="WETREAD")
