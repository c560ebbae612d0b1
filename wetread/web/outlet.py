"""Answers out of files, which go from the disk's cache to the network without passing through here.

Uvicorn copies a body some five times, on the one thread that serves every connection. DICOMweb
says where the bytes lie instead, by an extension of ASGI, and other threads have the kernel send
them (sendfile(2)), each as long as its client keeps up.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
import threading
import time
from asyncio.trsock import TransportSocket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import h11
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from dicom_node.dicomweb import PIECES, Extent, Piece

_TURN = 0.1  # seconds that a thread spends on one client
_PATIENCE = 10  # milliseconds that it waits for one who reads slowly
_GRACE = 5  # seconds that connections have to end, once the node stops
_LONGEST = 1 << 16  # bytes of a WebSocket message; subscribers have nothing to say


def configuration(app: ASGIApp, host: str, port: int) -> Config:
    """Return how Uvicorn serves the application, `wetread serve` among others."""
    return Config(
        app,
        host=host,
        port=port,
        http=OutletProtocol,
        log_config=None,
        access_log=False,
        ws_max_size=_LONGEST,
        timeout_graceful_shutdown=_GRACE,
    )


class OutletProtocol(H11Protocol):
    """Uvicorn's own, with the extension `PIECES` where the kernel can send files."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._inner: Any = self.app
        self.app = self._serve

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        wire = self.transport.get_extra_info("socket")
        is_plain = self.transport.get_extra_info("sslcontext") is None
        if not (is_plain and isinstance(wire, TransportSocket) and sys.platform == "linux"):
            await self._inner(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == PIECES:
                await self._send(message["pieces"], message["then"])
            else:
                await send(message)

        scope["extensions"] = {**scope.get("extensions", {}), PIECES: {}}
        await self._inner(scope, receive, answer)

    async def _send(self, pieces: list[Piece], then: Callable[[bool], None]) -> None:
        """Send pieces as part of a body; return when the kernel has them all, after `then`."""
        await self._flushed()
        if self._is_gone or self.scope["method"] == "HEAD":
            await run_in_threadpool(then, False)
            return
        body: Any = _Body(pieces)
        left = _Left(self.conn.send_with_data_passthrough(h11.Data(data=body)) or (), then)
        wire = self.transport.get_extra_info("socket").dup()
        try:
            while not await run_in_threadpool(left.push, wire):
                await self._writable(wire)
        finally:
            # Who is cancelled may leave a thread at work, and numbers of closed files are given
            # to others. It is done within its turn.
            with left.working:
                wire.close()
        if left.is_lost:
            self.transport.abort()

    @property
    def _is_gone(self) -> bool:
        return self.cycle.disconnected or self.transport.is_closing()

    async def _flushed(self) -> None:
        """Wait until what was written before has gone."""
        if not self.transport.get_write_buffer_size():
            return
        self.transport.set_write_buffer_limits(high=0)
        try:
            await self.flow.drain()
        finally:
            self.transport.set_write_buffer_limits()

    async def _writable(self, wire: socket.socket) -> None:
        ready = self.loop.create_future()
        self.loop.add_writer(wire, _wake, ready)
        try:
            await ready
        finally:
            self.loop.remove_writer(wire)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class _Body:
    """Stands for pieces where HTTP is framed, which asks for nothing but their length."""

    def __init__(self, pieces: list[Piece]) -> None:
        self.pieces = pieces
        self._length = sum(len(each) for each in pieces)

    def __len__(self) -> int:
        return self._length


class _Left:
    """What is still to be sent of a body, framed; used by one thread at a time."""

    def __init__(self, framed: Iterable[Any], then: Callable[[bool], None]) -> None:
        self.is_lost = False
        self.working = threading.Lock()
        self._is_quick = True
        self._then = then
        self._pieces: deque[memoryview | Extent] = deque()
        self._offset = 0  # into the first of them, if that is of a file
        for each in framed:
            for piece in each.pieces if isinstance(each, _Body) else (each,):
                self._pieces.append(piece if isinstance(piece, Extent) else memoryview(piece))

    def push(self, wire: socket.socket) -> bool:
        """Send for a while; return whether that was all, or the client is gone.

        Raises `EOFError` where a file is shorter than it was.
        """
        with self.working:
            return self._push(wire)

    def _push(self, wire: socket.socket) -> bool:
        until = time.monotonic() + _TURN
        poll = select.poll()
        poll.register(wire, select.POLLOUT)
        while self._pieces:
            try:
                self._send_some(wire)
                is_ready = True
            except BlockingIOError:
                is_ready = bool(poll.poll(_PATIENCE))
            except (ConnectionError, TimeoutError):
                self.is_lost = True
                break
            if not is_ready or (self._pieces and time.monotonic() > until):
                self._is_quick = False
                return False
        self._then(self._is_quick)
        return True

    def _send_some(self, wire: socket.socket) -> None:
        piece = self._pieces[0]
        if isinstance(piece, Extent):
            start, length = piece.start + self._offset, len(piece) - self._offset
            count = os.sendfile(wire.fileno(), piece.fileno(), start, length)
            if not count:
                raise EOFError("a file is shorter than it was")
            self._offset += count
            if count == length:
                self._pieces.popleft()
                self._offset = 0
            return
        # What is short goes out together with what follows it.
        count = wire.send(piece, socket.MSG_MORE if len(self._pieces) > 1 else 0)
        if count == len(piece):
            self._pieces.popleft()
        else:
            self._pieces[0] = piece[count:]
