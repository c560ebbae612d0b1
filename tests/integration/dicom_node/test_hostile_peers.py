"""Whatever comes to the port: one line in the log, and the service works on."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import ComputedRadiographyImageStorage

from dicom_node.dimse.echo import echo
from tests.integration.dicom_node.conftest import QUICK, Receiver
from tests.integration.dicom_node.pdus import associate_request, command, p_data, store_request
from tests.support.programs import HOST, wait_for

Receivers = Callable[..., Receiver]


@pytest.fixture
def receiver(make_receiver: Receivers) -> Receiver:
    return make_receiver(timeouts=QUICK)


@contextmanager
def connected(receiver: Receiver) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, receiver.port), timeout=20) as sock:
        yield sock


def until_closed(sock: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    received = b""
    try:
        while data := sock.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def associate(sock: socket.socket) -> None:
    """Ask for an association, and wait for the answer as one has to."""
    sock.sendall(associate_request())
    head = receive(sock, 6)
    assert head[0] == 2, "accepted"
    receive(sock, struct.unpack(">L", head[2:])[0])


def receive(sock: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        received += sock.recv(count - len(received))
    return received


def nothing_left(receiver: Receiver) -> None:
    """No thread, no spooled file; and the service answers."""
    listener = receiver.scp._listener
    assert listener is not None
    wait_for(lambda: not listener.active_associations, "every association has ended")
    assert receiver.spooled == []
    assert echo(HOST, receiver.port) < 5


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS client
        b"\0" * 1000,
        b"\xff" * 1000,
        b"\x01\x00\x00\x00\x00\x00",  # an A-ASSOCIATE-RQ of no length
        b"\x01\x00\xff\xff\xff\xff" + b"a" * 1000,  # of 4 GiB
        b"\x04\x00\xff\xff\xff\xff" + b"a" * 1000,  # data of 4 GiB
        b"\x04\x00\x00\x00\x00\x06" + b"\0\0\0\2\1\0",  # data without an association
        b"\x05\x00\x00\x00\x00\x04\0\0\0\0",  # a release without an association
        b"\x07\x00\x00\x00\x00\x04\0\0\0\0",  # an abort without one
        b"\x02\x00\x00\x00\x00\x04\0\0\0\0",  # an acceptance of nothing
    ],
)
def test_garbage(receiver: Receiver, caplog: pytest.LogCaptureFixture, garbage: bytes) -> None:
    caplog.set_level(logging.INFO)
    with connected(receiver) as sock:
        sock.sendall(garbage)
        until_closed(sock)
    nothing_left(receiver)
    assert "Association with" in caplog.text
    assert "Traceback" not in caplog.text


def test_random_bytes(receiver: Receiver) -> None:
    chance = random.Random(1)
    for _ in range(40):
        with connected(receiver) as sock:
            kind = bytes([chance.randrange(9)])
            length = struct.pack(">L", chance.choice((0, 1, 4, 68, 200)))
            sock.sendall(kind + b"\0" + length + chance.randbytes(200))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            until_closed(sock)
    nothing_left(receiver)


def mutated(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 8))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def test_a_mutated_association_request(receiver: Receiver) -> None:
    chance = random.Random(2)
    for _ in range(40):
        with connected(receiver) as sock:
            sock.sendall(mutated(associate_request(), chance))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            until_closed(sock)
    nothing_left(receiver)


def test_a_mutated_store_request(receiver: Receiver) -> None:
    chance = random.Random(3)
    whole = store_request() + p_data(1, 2, b"\x08\x00\x16\x00" * 9)
    for _ in range(40):
        with connected(receiver) as sock:
            associate(sock)
            sock.sendall(mutated(whole, chance))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            until_closed(sock)
    nothing_left(receiver)


@pytest.mark.parametrize("length", [1, 5, 6, 50, 150])
def test_half_a_pdu_and_gone(receiver: Receiver, length: int) -> None:
    with connected(receiver) as sock:
        sock.sendall(associate_request()[:length])
    nothing_left(receiver)


@pytest.mark.parametrize("length", [0, 1, 5, 6, 50])
def test_half_a_pdu_and_silence(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    """ARTIM, PS3.8 Section 9.1.5, and a bound on the time that one PDU may take."""
    with connected(receiver) as sock:
        sock.sendall(associate_request()[:length])
        until_closed(sock)
    nothing_left(receiver)
    assert "Association with" in caplog.text


def test_an_association_that_says_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(receiver) as sock:
        sock.sendall(associate_request())
        answer = until_closed(sock)
    assert answer[0] == 2  # accepted
    nothing_left(receiver)
    assert "PEER" in caplog.text


@pytest.mark.parametrize("tail", [b"", b"\x04\x00\x00\x00\x10\x00half"])
@pytest.mark.parametrize("silent", [True, False])
def test_half_a_data_set(receiver: Receiver, tail: bytes, silent: bool) -> None:
    """The spooled part is removed, whether the peer goes or only falls silent."""
    with connected(receiver) as sock:
        associate(sock)
        sock.sendall(store_request())
        sock.sendall(p_data(1, 0, b"\x08\x00\x16\x00" * 1000) + tail)
        wait_for(lambda: receiver.spooled, "the data set is spooled")
        if silent:
            until_closed(sock)
    nothing_left(receiver)
    assert receiver.intake.kept == []


@pytest.mark.parametrize(
    "message",
    [
        store_request(context=3),  # never proposed
        store_request() + store_request(),  # a data set is due
        store_request() + p_data(3, 2, b"ab"),
        p_data(1, 2, b"ab"),  # a data set without a request
        p_data(1, 3, b"\xff" * 30),  # no command set
        p_data(1, 3, command({0x0100: struct.pack("<H", 0x7777)})),
        p_data(1, 3, command({})),
        struct.pack(">BBL", 4, 0, 6) + struct.pack(">LBB", 1, 1, 3),
        struct.pack(">BBL", 4, 0, 6) + struct.pack(">LBB", 999, 1, 3),
        struct.pack(">BBL", 4, 0, 3) + b"abc",
        struct.pack(">BBL", 4, 0, 200_000) + bytes(200_000),  # longer than announced
        b"".join(p_data(1, 1, bytes(16_000)) for _ in range(9)),  # an endless command set
        b"".join(p_data(1, 0, bytes(16_000)) for _ in range(99)),  # an endless identifier
    ],
)
def test_messages_against_the_protocol(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, message: bytes
) -> None:
    with connected(receiver) as sock:
        associate(sock)
        with contextlib.suppress(ConnectionError):  # cut off before the end, as it should be
            sock.sendall(message)
        until_closed(sock)
    nothing_left(receiver)
    assert "PEER" in caplog.text
    assert receiver.intake.kept == []


def test_requests_without_waiting_for_responses(receiver: Receiver) -> None:
    """Asynchronous operations are not negotiated; some patience, and then an abort."""
    receiver.intake.gate.clear()
    one = store_request() + p_data(1, 2, b"\x08\x00\x16\x00")
    with connected(receiver) as sock:
        associate(sock)
        sock.sendall(one * 50)
        wait_for(lambda: receiver.spooled, "the first arrives")
        receiver.intake.gate.set()
        until_closed(sock)
    nothing_left(receiver)


def test_more_connections_than_it_takes(make_receiver: Receivers) -> None:
    receiver = make_receiver(maximum_associations=2, timeouts=QUICK)
    socks = [socket.create_connection((HOST, receiver.port), timeout=20) for _ in range(12)]
    closed = [threading.Thread(target=until_closed, args=(sock,)) for sock in socks]
    for thread in closed:
        thread.start()
    for thread in closed:
        thread.join(20)
        assert not thread.is_alive()
    for sock in socks:
        sock.close()
    nothing_left(receiver)


def test_a_peer_that_does_not_read(receiver: Receiver) -> None:
    """It asks and asks, and takes no answer."""
    echo_request = p_data(
        1,
        3,
        command(
            {0x0002: b"1.2.840.10008.1.1\0", 0x0100: b"\x30\0", 0x0110: b"\1\0", 0x0800: b"\1\1"}
        ),
    )
    with connected(receiver) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(associate_request(abstract_syntax="1.2.840.10008.1.1"))
        sock.settimeout(1)
        try:
            for _ in range(20_000):
                sock.sendall(echo_request)
        except OSError:
            pass
    nothing_left(receiver)


def test_stop_ends_idle_associations(receiver: Receiver, tmp_path: Path) -> None:
    ae = AE("IDLE")
    ae.add_requested_context(ComputedRadiographyImageStorage)
    association = ae.associate(HOST, receiver.port, ae_title="WETREAD")
    assert association.is_established
    receiver.scp.stop()
    wait_for(lambda: not association.is_established, "the idle association is aborted")
