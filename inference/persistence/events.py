"""Events in the database, written in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    Table,
    delete,
    func,
    insert,
    select,
)

from inference.domain.event import Event, EventKind
from inference.persistence.cursors import cursor, set_cursor
from inference.persistence.engine import Database
from inference.persistence.tables import NUMBER, UID, metadata
from inference.persistence.types import UtcDateTime, Word, Words

# Who reads these never looks at what they are about: so there is no foreign key.
events = Table(
    "events",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("kind", Word(EventKind), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False, server_default=func.current_timestamp()),
    Column("study_instance_uid", UID, nullable=False),
    Column("revision", Integer),
    Column("job_id", NUMBER),
    Column("delivery_id", NUMBER),
    Column("review_id", NUMBER),
    Column("incident_id", NUMBER),
    Column("detail", Words, nullable=False),
    Column("shadow", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

_LOCK = 0x57657472656164  # any number, as long as it is always the same
_PRUNING = _LOCK + 1
_PRUNED = "events pruned"  # the cursor that tells up to which number


class SqlEvents:
    """`Events`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> int:
        with self._database.reading() as connection:
            last = connection.scalar(select(func.max(events.c.number)))
            return last or cursor(connection, _PRUNED) or 0

    def after(self, number: int, limit: int = 1000) -> Sequence[Event]:
        query = select(events).where(events.c.number > number).order_by(events.c.number)
        with self._database.reading() as connection:
            return tuple(_event(row) for row in connection.execute(query.limit(limit)))

    def prune(self, before: datetime, limit: int = 1000) -> int:
        query = select(events.c.number, events.c.occurred_at).order_by(events.c.number)
        with self._database.writing() as connection:
            # One at a time, so that the cursor never goes back.
            one_at_a_time(connection, _PRUNING)
            rows = connection.execute(query.limit(limit))
            old = list(takewhile(lambda row: row.occurred_at < before, rows))
            if old:
                last = old[-1].number
                connection.execute(delete(events).where(events.c.number <= last))
                set_cursor(connection, _PRUNED, last)
            return len(old)

    def pruned(self) -> int:
        with self._database.reading() as connection:
            return cursor(connection, _PRUNED) or 0


def append(connection: Connection, event: Event) -> None:
    """Write `event` in the transaction of `connection`; call it last, since it may hold a lock."""
    # PostgreSQL draws numbers before the commit: one at a time, or a higher one could be read
    # before a lower one is there, and whoever reads on from it would miss that.
    one_at_a_time(connection, _LOCK)
    connection.execute(
        insert(events).values(
            kind=event.kind,
            study_instance_uid=event.study_instance_uid,
            revision=event.revision,
            job_id=event.job_id,
            delivery_id=event.delivery_id,
            review_id=event.review_id,
            incident_id=event.incident_id,
            detail=event.detail,
            shadow=event.shadow,
        )
    )


def one_at_a_time(connection: Connection, key: int) -> None:
    """Let one in at a time until its transaction ends; SQLite never lets in more."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def _event(row: Any) -> Event:
    return Event(
        kind=row.kind,
        study_instance_uid=row.study_instance_uid,
        revision=row.revision,
        job_id=row.job_id,
        delivery_id=row.delivery_id,
        review_id=row.review_id,
        incident_id=row.incident_id,
        detail=row.detail,
        shadow=row.shadow,
        number=row.number,
        at=row.occurred_at,
    )
