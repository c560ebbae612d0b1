"""Removes what is no record and nobody needs any more, a little at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)

_PAUSE = 3600.0  # seconds between two rounds
_BREATH = 0.05  # seconds between two batches, in which others may write

Chore = Callable[[], int]
"""Removes a batch, and returns how many it was; 0 where nothing is left."""


class Housekeeper:
    """Implements `Service`. `chores` by the name of what they remove; the first round is at once.

    Several may do the same chores: each batch is a transaction.
    """

    def __init__(self, name: str, chores: Mapping[str, Chore]) -> None:
        self.name = name
        self._chores = dict(chores)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def tick(self) -> int:
        """Do each chore until nothing is left; return how much was removed."""
        return sum(self._do(what, chore) for what, chore in self._chores.items())

    def _do(self, what: str, chore: Chore) -> int:
        removed = 0
        try:
            while not self._stopping.is_set() and (batch := chore()):
                removed += batch
                self._stopping.wait(_BREATH)
        except Exception as error:  # boundary: the next round finds what this one has left
            _log.warning("%s cannot be removed now: %s", what, error)
        if removed:
            _log.info("removed %d %s", removed, what)
        return removed

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            self._stopping.wait(_PAUSE)
