"""`Events` in memory."""

from __future__ import annotations

from collections.abc import Sequence

from inference.domain.event import Event
from inference.fakes.store import MemoryStore


class MemoryEvents:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def newest(self) -> int:
        with self._store.transaction():
            return len(self._store.events)

    def after(self, number: int, limit: int = 1000) -> Sequence[Event]:
        with self._store.transaction():
            return tuple(self._store.events[max(number, 0) :][:limit])
