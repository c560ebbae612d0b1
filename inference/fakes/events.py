"""`Events` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from inference.domain.event import Event
from inference.fakes.store import MemoryStore


class MemoryEvents:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def newest(self) -> int:
        with self._store.transaction():
            return self._store.last_event

    def after(self, number: int, limit: int = 1000) -> Sequence[Event]:
        with self._store.transaction():
            return tuple(each for each in self._store.events if each.number > number)[:limit]

    def prune(self, before: datetime, limit: int = 1000) -> int:
        with self._store.transaction():
            events = self._store.events
            old = list(takewhile(lambda each: each.at and each.at < before, events[:limit]))
            if old:
                del events[: len(old)]
                self._store.pruned_event = old[-1].number
            return len(old)

    def pruned(self) -> int:
        with self._store.transaction():
            return self._store.pruned_event
