"""The notification connection: events over a WebSocket (PS3.18 Sections 8.10.4 and 11.13)."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from dicom_node.dicomweb.context import PREFIX, Worklisting
from dicom_node.dicomweb.problems import WebError
from dicom_node.dicomweb.ups import check_ae_title, check_origin
from inference.domain.errors import ResourceError
from inference.domain.workitem import EVENT_SOP_CLASS, element
from inference.domain.workitem_event import KeptEvent

LOG = logging.getLogger("dicom_node.dicomweb")

_MOST_CONNECTIONS: Final = 100
_LOOK: Final = 1.0  # seconds: another process may have something to tell, and cannot wake us
_REPLACED: Final = 1000  # normal closure: the subscriber has connected anew
_NOT_ALLOWED: Final = 1008
_TRY_LATER: Final = 1013


def add_notifications(router: APIRouter, context: Worklisting) -> None:
    """Add the resource on which subscribers listen."""
    connections: dict[str, _Connection] = {}

    @router.websocket(PREFIX + "/subscribers/{aetitle}")
    async def open_notifications(websocket: WebSocket, aetitle: str) -> None:
        """Listen to the events of a subscriber."""
        try:
            check_origin(websocket.headers, context.origins)
            ae_title = check_ae_title(aetitle)
        except WebError:
            await websocket.close(_NOT_ALLOWED)
            return
        if len(connections) >= _MOST_CONNECTIONS and ae_title not in connections:
            await websocket.close(_TRY_LATER)
            return
        await websocket.accept()
        before = connections.get(ae_title)
        connection = connections[ae_title] = _Connection(websocket, ae_title, context)
        if before is not None:
            before.end()
        try:
            await connection.run()
        finally:
            if connections.get(ae_title) is connection:
                del connections[ae_title]


class _Connection:
    """Sends what waits for a subscriber, and forgets it once it is sent."""

    def __init__(self, websocket: WebSocket, ae_title: str, context: Worklisting) -> None:
        self._websocket = websocket
        self._ae_title = ae_title
        self._worklist = context.worklist
        self._bell = asyncio.Event()
        self._ended = False

    def end(self) -> None:
        self._ended = True
        self._bell.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._bell.set)

        leave = self._worklist.listen(ring)
        listening = asyncio.create_task(self._wait_for_end())
        try:
            await self._send_all(listening)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it is gone: what was not sent waits
        finally:
            leave()
            listening.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await listening

    async def _send_all(self, listening: asyncio.Task[None]) -> None:
        sent: list[int] = []  # and not yet forgotten
        while not listening.done():
            self._bell.clear()
            if self._ended:
                await self._websocket.close(_REPLACED)
                return
            try:
                events = await run_in_threadpool(self._worklist.events, self._ae_title)
                for each in events:
                    if each.number not in sent:
                        await self._websocket.send_text(message_of(each))
                        sent.append(each.number)
                if sent:
                    await run_in_threadpool(self._worklist.forget, self._ae_title, tuple(sent))
                    sent.clear()
                    continue
            except ResourceError as error:
                LOG.warning("events cannot be read now: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), _LOOK)

    async def _wait_for_end(self) -> None:
        """What a subscriber says is read and passed over, until it goes."""
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
        finally:
            self._bell.set()


def message_of(kept: KeptEvent) -> str:
    """Return the Event Report (PS3.4 Table CC.2.4-1), as the example of Section 11.13 has it."""
    event = kept.event
    report = {
        "00000002": element("UI", EVENT_SOP_CLASS),
        "00000110": element("US", kept.number % 65536),
        "00001000": element("UI", event.workitem_uid),
        "00001002": element("US", int(event.kind)),
        **event.data,
    }
    return json.dumps(report, separators=(",", ":"))
