"""`Cursors` in memory."""

from __future__ import annotations

from inference.fakes.store import MemoryStore


class MemoryCursors:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def cursor(self, name: str) -> int | None:
        with self._store.transaction():
            return self._store.cursors.get(name)

    def set_cursor(self, name: str, value: int) -> None:
        with self._store.transaction():
            self._store.cursors[name] = value
