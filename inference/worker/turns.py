"""Who works: the threads of one worker beside each other, but for a Job that may end them all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from inference.domain.job import Lease

_PATIENCE = 60.0  # seconds


class Turns:
    """A Job whose last attempt ended without a word may have killed its process.

    It works alone: if it does so again, no other is charged with an attempt, or studies beside
    which it was claimed would fail with it in the end.
    """

    def __init__(self) -> None:
        self._claiming = threading.Lock()
        self._changed = threading.Condition()
        self._under_way = 0
        self._alone = False

    def begin(self, claim: Callable[[], Lease | None]) -> Lease | None:
        """Return what `claim` does, and None while a Job works alone, or waits for that.

        Whoever gets a Lease ends its turn.
        """
        with self._claiming:
            if self._alone:
                return None
            lease = claim()
            if lease is not None:
                with self._changed:
                    self._under_way += 1
                    self._alone = _may_kill(lease)
            return lease

    def wait(self, lease: Lease) -> None:
        """Return when this Job may be worked on; at last, too, where another one hangs."""
        if _may_kill(lease):
            with self._changed:
                self._changed.wait_for(lambda: self._under_way == 1, _PATIENCE)

    def end(self, lease: Lease) -> bool:
        """Return whether others have waited for it."""
        with self._changed:
            self._under_way -= 1
            if _may_kill(lease):
                self._alone = False
            self._changed.notify_all()
        return _may_kill(lease)


def _may_kill(lease: Lease) -> bool:
    return lease.job.attempts > 1 and not lease.job.error
