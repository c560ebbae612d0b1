"""Threads that do what is due, and look again when they are told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Crew:
    """So many threads that call `tick` until it returns False, for nothing was due.

    They call it again when they are woken, or after `idle` seconds.
    """

    def __init__(self, name: str, count: int, tick: Callable[[], bool], idle: float) -> None:
        self._name = name
        self._tick = tick
        self._idle = idle
        self._stopping = threading.Event()
        self._woken = [threading.Event() for _ in range(count)]
        self._threads: list[threading.Thread] = []

    @property
    def alive(self) -> bool:
        return bool(self._threads) and all(each.is_alive() for each in self._threads)

    def start(self) -> None:
        self._threads = [
            # Not waited for at the end of the process: somebody else does what outlasts `stop`.
            threading.Thread(
                target=self._run, args=(woken,), name=f"{self._name}-{number}", daemon=True
            )
            for number, woken in enumerate(self._woken, start=1)
        ]
        for each in self._threads:
            each.start()

    def wake(self) -> None:
        """Say that something may be due. Never blocks."""
        for each in self._woken:
            each.set()

    def stop(self, grace: float | None = None) -> bool:
        """Begin nothing more; return whether all has ended within `grace` seconds."""
        self._stopping.set()
        self.wake()
        last = None if grace is None else time.monotonic() + grace
        for each in self._threads:
            each.join(None if last is None else max(0.0, last - time.monotonic()))
        return not any(each.is_alive() for each in self._threads)

    def _run(self, woken: threading.Event) -> None:
        while not self._stopping.is_set():
            try:
                busy = self._tick()
            # A process boundary: the database may be away; a lease returns what was begun.
            except Exception:
                _log.exception("%s: nothing can be begun now", self._name)
                busy = False
            if not busy:
                woken.wait(self._idle)
                woken.clear()
