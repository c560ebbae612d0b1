"""What is new, in the order in which it came to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inference.domain.event import Event


class Events(Protocol):
    """Written by `Index`, `JobQueue`, `Results`, `Outbox` and `Reviews` as part of what they do:
    an event is there if, and only if, what it tells of is. Numbers are never given again.
    """

    def newest(self) -> int:
        """Return the number of the last event that there ever was; 0 where there was none."""
        ...

    def after(self, number: int, limit: int = 1000) -> Sequence[Event]:
        """Return what came after the event `number`, the oldest first.

        What is not told yet has a higher number than all that was: nobody who goes on from the
        last number misses anything, unless `pruned` says that it is gone.
        """
        ...

    def prune(self, before: datetime, limit: int = 1000) -> int:
        """Remove the oldest, up to the first that is not from before `before`; return how many."""
        ...

    def pruned(self) -> int:
        """Return the number of the last event that was removed; 0 where all are there."""
        ...
