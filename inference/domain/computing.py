"""The seconds that networks compute, without those in which somebody waits for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopwatch:
    """`seconds`: how long networks have computed for whom it counts."""

    def __init__(self) -> None:
        self.seconds = 0.0


_current: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Count what networks compute in the block, for this thread."""
    watch = Stopwatch()
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)


@contextmanager
def computing() -> Iterator[None]:
    """A network computes in the block, also where it fails. Who must wait for it does so before."""
    watch = _current.get()
    started = time.monotonic()
    try:
        yield
    finally:
        if watch is not None:
            watch.seconds += time.monotonic() - started
