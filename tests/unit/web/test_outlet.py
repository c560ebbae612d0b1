"""Answers out of files, by a real server, to clients of several kinds."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from dicom_node.dicomweb.pieces import PIECES, Piece, file_piece
from dicom_node.dicomweb.responses import Streamed
from tests.support.programs import HOST, wait_for
from wetread.web import outlet

CONTENT = os.urandom(1 << 20)
TIMES = 24  # so much that no socket takes it all
WHOLE = (b"head" + CONTENT) * TIMES + b"end"


class Served:
    """A server of files; what it does is counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = 0
        self.offered: list[bool] = []
        self._server = uvicorn.Server(outlet.configuration(self, HOST, 0))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # its life span
            return
        self.offered.append(PIECES in scope.get("extensions", {}))
        if scope["path"] == "/short":
            answer = Streamed(iter((b"short",)))
        elif scope["path"] == "/length":
            answer = Streamed(self.pieces(), headers={"Content-Length": str(len(WHOLE))})
        else:
            answer = Streamed(self.pieces())
        await answer(scope, receive, send)

    def pieces(self) -> Iterator[Piece]:
        try:
            for _ in range(TIMES):
                yield b"head"
                yield from file_piece(self.path)
            yield b"end"
        finally:
            self.closed += 1

    def __enter__(self) -> Served:
        self._thread.start()
        wait_for(lambda: self._server.started, "the server")
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self._server.should_exit = True

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()

    def connect(self, room: int = 0) -> socket.socket:
        wire = socket.socket()
        if room:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        wire.settimeout(30)
        wire.connect((HOST, self.port))
        return wire

    def open_files(self) -> int:
        """Count how often the file is open."""
        found = 0
        for each in Path("/proc/self/fd").iterdir():
            try:
                found += each.readlink() == self.path
            except FileNotFoundError:
                continue
        return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    path = tmp_path / "content.dcm"
    path.write_bytes(CONTENT)
    with Served(path) as served:
        yield served
        wait_for(lambda: not served.open_files(), "closed files")


@pytest.mark.parametrize("path", ["/", "/length"])
def test_answers_are_whole_and_the_connection_goes_on(served: Served, path: str) -> None:
    connection = http.client.HTTPConnection(HOST, served.port, timeout=30)
    for _ in range(2):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.getheader("Content-Length") == ("25165923" if path == "/length" else None)
        assert answer.read() == WHOLE
        connection.request("GET", "/short")
        assert connection.getresponse().read() == b"short"
    connection.close()
    assert served.offered == [True] * 4
    assert served.closed == 2


def test_requests_that_come_together_are_answered_in_order(served: Served) -> None:
    one = f"GET /length HTTP/1.1\r\nHost: {HOST}\r\n"
    with served.connect() as wire:
        wire.sendall(f"{one}\r\n{one}Connection: close\r\n\r\n".encode())
        answer = read_all(wire)
    first, second = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    for each in (first, second):
        assert each.partition(b"\r\n\r\n")[2] == WHOLE


def test_an_old_client_hears_the_end_by_the_close(served: Served) -> None:
    with served.connect() as wire:
        wire.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(wire).partition(b"\r\n\r\n")[2] == WHOLE


def test_who_asks_for_headers_alone_gets_no_body(served: Served) -> None:
    with served.connect() as wire:
        wire.sendall(f"HEAD /length HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        answer = read_all(wire)
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: 25165923" in answer.lower()


def test_a_hundred_who_do_not_read_keep_nobody_waiting(served: Served) -> None:
    lazy = [served.connect(room=4096) for _ in range(100)]
    for wire in lazy:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    wait_for(lambda: len(served.offered) == 100, "their requests")
    connection = http.client.HTTPConnection(HOST, served.port, timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().read() == WHOLE
    connection.close()
    answer = read_all(lazy[0])  # who begins late has lost nothing
    assert answer.count(CONTENT) == TIMES
    for wire in lazy:
        wire.close()
    wait_for(lambda: served.closed == 101, "the end of what they asked for")


def test_who_goes_away_leaves_nothing_open(served: Served) -> None:
    for _ in range(5):
        with served.connect(room=4096) as wire:
            wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert wire.recv(1000)
    wait_for(lambda: served.closed == 5, "the end of what they asked for")
    wait_for(lambda: not served.open_files(), "closed files")


def test_a_file_that_became_shorter_breaks_the_answer_off(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with served.connect(room=4096) as wire:
        wire.sendall(f"GET /length HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert wire.recv(1000)
        wait_for(served.open_files, "an open file")
        os.truncate(served.path, 10)
        with contextlib.suppress(ConnectionResetError):
            assert len(read_all(wire)) < len(WHOLE)

    def is_said() -> bool:
        errors = [each.exc_info for each in caplog.records if each.exc_info]
        return any(each[0] is EOFError for each in errors)

    wait_for(is_said, "what is said of it")


def test_a_server_that_ends_does_not_wait_for_who_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "_GRACE", 0.1)
    path = tmp_path / "content.dcm"
    path.write_bytes(CONTENT)
    with Served(path) as served:
        lazy = served.connect(room=4096)
        lazy.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert lazy.recv(1000)
    lazy.close()
    assert served.closed == 1
    assert not served.open_files()


def test_what_a_thread_still_sends_from_is_closed_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outlet, "_GRACE", 0.1)
    at_work, closing, go_on = threading.Event(), threading.Event(), threading.Event()
    send_some = outlet._Left._send_some

    class Watched(contextlib.ExitStack):
        """The lock that the thread holds; tells that somebody else wants it."""

        def __init__(self, lock: contextlib.AbstractContextManager[bool]) -> None:
            super().__init__()
            self._lock = lock

        def __enter__(self) -> Watched:
            closing.set()
            self.enter_context(self._lock)
            return self

    def waits(left: outlet._Left, wire: socket.socket) -> None:
        if not at_work.is_set():
            left.working = Watched(left.working)  # type: ignore[assignment]
        at_work.set()
        go_on.wait(30)
        send_some(left, wire)

    monkeypatch.setattr(outlet._Left, "_send_some", waits)
    path = tmp_path / "content.dcm"
    path.write_bytes(CONTENT)
    with Served(path) as served, served.connect() as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert at_work.wait(30)
        served.stop()
        wait_for(lambda: "Cancel 1 running task" in caplog.text, "the end of its patience")
        assert closing.wait(30)
        assert served.open_files()
        go_on.set()
    assert not served.open_files()


def read_all(wire: socket.socket) -> bytes:
    read = bytearray()
    while chunk := wire.recv(1 << 20):
        read += chunk
    return bytes(read)
