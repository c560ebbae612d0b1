"""Keeps a lease alive while what it is on is worked on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from inference.domain.errors import LeaseLost, RepositoryUnavailable
from inference.ports import Clock

_log = logging.getLogger(__name__)

_AGAIN = 1.0  # seconds until the next beat after one that failed

Held = TypeVar("Held")


class Leasing(Protocol[Held]):
    """A `JobQueue` with its Leases, or an `Outbox` with its Deliveries."""

    def extend(self, held: Held, /, now: datetime, by: timedelta) -> Held:
        """Raises `LeaseLost`."""
        ...


@contextmanager
def heartbeat(
    leasing: Leasing[Held], clock: Clock, held: Held, by: timedelta, name: str
) -> Iterator[None]:
    """Extend what is `held` three times in each period until the block ends.

    A lost lease only ends the extending: the fence refuses what comes of it at the end.
    """
    done = threading.Event()
    period = by.total_seconds() / 3

    def beat() -> None:
        extended, pause = held, period
        while not done.wait(pause):
            pause = period
            try:
                extended = leasing.extend(extended, clock.now(), by)
            except LeaseLost:
                _log.warning("%s: the lease is lost", name)
                return
            except RepositoryUnavailable as error:
                _log.warning("%s: no heartbeat: %s", name, error)
                pause = min(period, _AGAIN)

    thread = threading.Thread(target=beat, name=f"heartbeat of {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
