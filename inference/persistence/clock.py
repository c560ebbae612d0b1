"""The time of the database, which is the same for all who share it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database

_log = logging.getLogger(__name__)

_ASK_EVERY = 60.0  # seconds
_AGAIN = 5.0  # seconds, where the database was away
_WORTH_A_WORD = timedelta(seconds=2)  # that the machine's own clock is off


class DatabaseClock:
    """`Clock`. Leases, quiet periods and retries are written by one machine and judged by others.

    Between two looks, and while the database is away, the machine counts the seconds itself.
    """

    def __init__(self, database: Database, count: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._count = count
        self._asking = threading.Lock()
        self._ask_at = count()
        self._told = False
        self._last = (datetime.now(UTC), count())  # a time, and the seconds counted then

    def now(self) -> datetime:
        """Asks the database once a minute; otherwise, and where another thread asks, at once."""
        # Nobody goes by the machine's own clock because another thread is the first to ask.
        if self._is_due() and self._asking.acquire(blocking=not self._told):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()
        known, counted = self._last
        return known + timedelta(seconds=self._count() - counted)

    def _is_due(self) -> bool:
        return self._count() >= self._ask_at

    def _ask(self) -> None:
        try:
            with self._database.reading() as connection:
                before = self._count()
                told: datetime = connection.scalar(_NOW)
                after = self._count()
        except RepositoryUnavailable:
            self._ask_at = self._count() + _AGAIN
            return
        self._last = (told.astimezone(UTC), (before + after) / 2)
        self._told = True
        self._ask_at = after + _ASK_EVERY
        off = abs(datetime.now(UTC) - told)
        if off > _WORTH_A_WORD:
            _log.warning(
                "this machine's clock is off by %.0f s; that of the database is used",
                off.total_seconds(),
            )


_NOW = text("SELECT clock_timestamp()")
