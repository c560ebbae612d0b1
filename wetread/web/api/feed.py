"""What is new, to whoever listens: one look into the database for all of them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from inference.domain.errors import WetreadError
from inference.domain.event import Event
from inference.ports import Events

_POLL = 0.25  # seconds between two looks
_HEARTBEAT = 15.0  # seconds without an event
_BATCH = 500  # events that are read at once
_KEPT = 2000  # the last events, for those who are nearly up to date
_MOST = 1000  # listeners


@dataclass(frozen=True, slots=True)
class Gap:
    """Events up to `last` are gone, and this listener has not heard all of them.

    `oldest` is the number of the first that is there, if any is.
    """

    last: int
    oldest: int | None


class Feed:
    """Listeners wait for a signal, in no thread of their own. Looks only while somebody listens.

    `closing` is set when the node stops: then all streams end by themselves, at once.
    """

    def __init__(self, events: Callable[[], Events], closing: threading.Event) -> None:
        self._events = events
        self._closing = closing
        self._recent: deque[Event] = deque(maxlen=_KEPT)
        self._listeners = 0
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        return self._listeners >= _MOST

    async def newest(self) -> int:
        return await run_in_threadpool(self._events().newest)

    async def listen(self, after: int) -> AsyncIterator[Sequence[Event] | Gap]:
        """Yield what comes after the event `after`; nothing is a sign of life."""
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._recent.clear()
            self._looking = asyncio.create_task(self._look(after))
        sure = False  # that nothing is gone in front of what comes next
        try:
            while not self._closing.is_set():
                changed = self._changed
                found: Sequence[Event] = ()
                gap = None
                # A database that is away for a moment ends no stream.
                with suppress(WetreadError):
                    heard = await self._after(after)
                    if not sure or (heard and heard[0].number > after + 1):
                        gap = await self._gap(after, heard)
                    sure, found = True, heard
                if gap is not None:
                    yield gap
                    after = gap.last
                if found:
                    yield found
                    after = found[-1].number
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), _HEARTBEAT)
                except TimeoutError:
                    yield ()
        finally:
            self._listeners -= 1

    async def _after(self, number: int) -> Sequence[Event]:
        if self._recent and self._recent[0].number <= number + 1:
            return [each for each in self._recent if each.number > number][:_BATCH]
        return await run_in_threadpool(self._events().after, number, _BATCH)

    async def _gap(self, number: int, found: Sequence[Event]) -> Gap | None:
        """Return what is missing between `number` and `found`, which was read before."""
        pruned = await run_in_threadpool(self._events().pruned)
        oldest = found[0].number if found else None
        if pruned <= number or (oldest is not None and oldest <= pruned):
            return None
        return Gap(pruned, oldest)

    async def _look(self, number: int) -> None:
        while self._listeners and not self._closing.is_set():
            with suppress(WetreadError):
                found = await run_in_threadpool(self._events().after, number, _BATCH)
                if found:
                    self._recent.extend(found)
                    number = found[-1].number
                    self._wake()
                    continue
            await asyncio.sleep(_POLL)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
