"""A Service that takes long to make, made while others run already."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from inference.ports import Service

_log = logging.getLogger(__name__)


class Waking(Service, Protocol):
    def wake(self) -> None: ...


class Later:
    """Implements `Service`: `make` runs in a thread of its own, and what it returns is started.

    Whoever wakes it before has woken it in vain; what is made looks for itself when it starts.
    Told to stop meanwhile, it waits for `make` and starts nothing.
    """

    def __init__(self, name: str, make: Callable[[], Waking]) -> None:
        self.name = name
        self._make = make
        self._made: Waking | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-making", daemon=True)

    @property
    def alive(self) -> bool:
        # In this order: the thread ends after it has set what it made.
        return self._thread.is_alive() or (self._made is not None and self._made.alive)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Never blocks."""
        if self._made is not None:
            self._made.wake()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        if self._made is not None:
            self._made.stop()

    def _run(self) -> None:
        try:
            made = self._make()
        # A process boundary: this has ended, and `alive` says so.
        except Exception:
            _log.exception("%s cannot be made", self.name)
            return
        if not self._stopping.is_set():
            made.start()
            self._made = made
