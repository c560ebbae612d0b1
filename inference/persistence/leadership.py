"""Who does what only one process may do, told by a lock of the database."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database


class SqlLeadership:
    """`Leadership` by an advisory lock of PostgreSQL, which ends with its connection.

    On SQLite there is one process, so it always leads.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        digest = hashlib.sha256(f"wetread:{name}".encode()).digest()
        self._key = int.from_bytes(digest[:8], signed=True)
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        if self._database.is_sqlite or self.held():
            return True
        self.release()
        connection = self._database.alone()
        try:
            if connection.scalar(_TRY, {"key": self._key}):
                self._connection = connection
                return True
        except DBAPIError as error:
            connection.invalidate()
            raise RepositoryUnavailable("The database cannot say who leads.") from error
        connection.close()
        return False

    def held(self) -> bool:
        if self._database.is_sqlite:
            return True
        if self._connection is None:
            return False
        try:
            self._connection.execute(_ASK)
        except (DBAPIError, InvalidRequestError):
            return False
        return True

    def release(self) -> None:
        if self._connection is not None:
            # The lock goes with the connection, whatever state that is in.
            with suppress(DBAPIError, InvalidRequestError):
                self._connection.invalidate()
            with suppress(DBAPIError, InvalidRequestError):
                self._connection.close()
            self._connection = None


_TRY = text("SELECT pg_try_advisory_lock(:key)")
_ASK = text("SELECT 1")
