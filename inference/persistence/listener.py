"""Hears what PostgreSQL tells, so that nobody has to ask again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from psycopg import OperationalError, sql
from sqlalchemy.exc import DBAPIError

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database

_log = logging.getLogger(__name__)

_PATIENCE = 1.0  # seconds, how long stopping may take
_AGAIN = 2.0  # seconds until the next try to connect
_AWAY = (OperationalError, DBAPIError, RepositoryUnavailable)


class Listener:
    """Implements `Service`. Calls what belongs to a channel when something is told there.

    While there was no connection, something may have been told: each is called then, too.
    What is called must return at once and not raise.
    """

    name = "listener"

    def __init__(self, database: Database, told: Mapping[str, Callable[[], None]]) -> None:
        self._database = database
        self._told = dict(told)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except _AWAY as error:
                _log.warning("cannot listen to the database: %s", type(error).__name__)
                self._stopping.wait(_AGAIN)

    def _listen(self) -> None:
        with self._database.alone() as connection:
            try:
                driver: Any = connection.connection.driver_connection
                for channel in self._told:
                    driver.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                for call in self._told.values():
                    call()
                while not self._stopping.is_set():
                    for notice in driver.notifies(timeout=_PATIENCE, stop_after=1):
                        self._told[notice.channel]()
            finally:
                connection.invalidate()  # nobody else is to get a connection that listens
