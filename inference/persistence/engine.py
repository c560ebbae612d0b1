"""The database: how it is opened, how a transaction begins, and what its errors mean.

What is special to SQLite is in this file, and to PostgreSQL in `postgresql`, but for a few
queries.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ResourceClosedError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.codec import json_text

_BUSY_TIMEOUT = 10.0  # seconds to wait for another writer
_POOL_SIZE = 16  # connections kept open
_POOL_OVERFLOW = 48  # more while many associations store at once
_READS = "wetread_reads"
_MIGRATES = 0x57455452  # the key of an advisory lock


def sqlite_url(path: Path) -> str:
    """Return the URL of the SQLite database in the file `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


class Database:
    """One SQLAlchemy engine with two ways to begin: `reading` and `writing`.

    `url` is `postgresql://user:password@host/name`, or what `sqlite_url` returns. Both ways
    commit at the end of the block, roll back on an exception, and raise
    `RepositoryUnavailable` when the database cannot do it. `read_only` is for a second
    process that only looks: it creates nothing and never waits for writers.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and read_only:
            parsed = _existing(parsed)
        # hide_parameters: an error that is logged must not show what patients are called.
        self.engine: Engine = create_engine(
            parsed,
            hide_parameters=True,
            json_serializer=json_text,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            pool_timeout=_BUSY_TIMEOUT,
            pool_pre_ping=not self.is_sqlite,
        )
        if self.is_sqlite:
            _prepare_sqlite(self.engine, read_only=read_only)
            self._reader = self.engine.execution_options(**{_READS: True})
        else:
            from inference.persistence import postgresql

            postgresql.prepare(self.engine)
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            if read_only:
                self.engine = self._reader
        self._closed = False
        # SQLite has one writer at a time and lets the others poll. Threads of this process
        # queue here instead, which is fairer and wakes them at once.
        self._writer = threading.Lock() if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Begin a transaction that sees one state of the database."""
        with self._translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Begin a transaction that may write; on SQLite it holds the write lock at once."""
        if self._writer and not self._writer.acquire(timeout=_BUSY_TIMEOUT):
            raise RepositoryUnavailable("The database is busy.")
        try:
            with self._translated(), self.engine.begin() as connection:
                yield connection
        finally:
            if self._writer:
                self._writer.release()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Begin a transaction that may make tables anew.

        SQLite drops a table together with what refers to it, unless it is told not to look;
        so it looks at the end instead. On PostgreSQL one process at a time gets in.
        """
        if not self._writer:
            with self.writing() as connection:
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATES})")
                yield connection
            return
        if not self._writer.acquire(timeout=_BUSY_TIMEOUT):
            raise RepositoryUnavailable("The database is busy.")
        try:
            with self._translated(), self.engine.connect() as connection:
                # Outside of any transaction: inside, SQLite passes over it in silence.
                sqlite: Any = connection.connection.dbapi_connection
                sqlite.execute("PRAGMA foreign_keys = OFF")
                try:
                    with connection.begin():
                        yield connection
                        if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                            raise RepositoryUnavailable("The database would lose what it holds.")
                finally:
                    sqlite.execute("PRAGMA foreign_keys = ON")
        finally:
            self._writer.release()

    def alone(self) -> Connection:
        """Return a connection without transactions, to be closed by the caller."""
        with self._translated():
            return self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def ping(self) -> None:
        """Raise `RepositoryUnavailable` unless the database answers."""
        with self.reading() as connection:
            connection.exec_driver_sql("SELECT 1")

    def close(self) -> None:
        """Close all connections; every later call raises `RepositoryUnavailable`."""
        self._closed = True
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._closed:
            raise RepositoryUnavailable("The database is closed.")
        try:
            yield
        except (IntegrityError, DataError):
            raise  # says something about the data, not about the database
        except DBAPIError as error:
            raise RepositoryUnavailable(f"The database cannot be used: {error.orig}.") from error
        except (PoolTimeout, ResourceClosedError) as error:
            raise RepositoryUnavailable(f"The database cannot be used: {error}.") from error


def _parse(url: str) -> URL:
    """Return `url` with the driver that we have. Raises `ValueError` if it is no database's."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("not the URL of a database") from None  # it may hold a password
    if parsed.get_backend_name() == "postgresql":
        from inference.persistence import postgresql

        return postgresql.complete(parsed)
    return parsed


def _existing(url: URL) -> URL:
    """Return `url` so that SQLite fails where the file is missing, instead of creating it."""
    path = Path(url.database or "").resolve()
    return url.set(database=path.as_uri(), query={"mode": "rw", "uri": "true"})


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        # Transactions begin below; sqlite3 itself would begin them too late, on a write.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_TIMEOUT * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit is on the disk when it returns: Success has then been promised to a sender.
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A deferred transaction that writes after reading may find the lock taken and its
        # snapshot stale, which no waiting cures.
        reads = read_only or connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
