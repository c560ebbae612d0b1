"""Warnings that are to the makers of a network, or of torch, and to nobody here."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


class _Quiet:
    """The filters of warnings are the process's: the first to come sets them, the last resets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._until_the_last = ExitStack()

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._until_the_last.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._until_the_last.close()


_QUIET = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Nobody is warned in the block, however many threads are in one at the same time."""
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()
