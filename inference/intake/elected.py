"""A Service of which one runs at a time, however many processes could run it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from inference.domain.errors import RepositoryUnavailable
from inference.ports import Leadership, Service

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between two looks at who leads


class Elected:
    """Implements `Service`. Each time this process is elected, `make` makes a new Service.

    Who loses its connection to the database may go on for a moment beside its successor, so
    what `make` returns must stand that.
    """

    def __init__(self, name: str, make: Callable[[], Service], leadership: Leadership) -> None:
        self.name = name
        self._make = make
        self._leadership = leadership
        self._running: Service | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        running = self._running
        return (
            self._thread is not None
            and self._thread.is_alive()
            and (running is None or running.alive)
        )

    @property
    def leads(self) -> bool:
        return self._running is not None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"elected-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except RepositoryUnavailable as error:
                _log.warning("%s: %s", self.name, error)
            self._stopping.wait(_PAUSE)
        self._resign()
        self._leadership.release()

    def _look(self) -> None:
        if self._running is not None:
            if not self._leadership.held():
                _log.warning("%s: another process may have taken over", self.name)
                self._resign()
        elif self._leadership.acquire():
            _log.info("%s: runs in this process", self.name)
            running = self._make()
            running.start()
            self._running = running

    def _resign(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None
