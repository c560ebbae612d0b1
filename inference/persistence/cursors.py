"""Cursors in the database."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from inference.persistence.engine import Database
from inference.persistence.tables import cursors


class SqlCursors:
    """`Cursors`. Each is written by one reader of its feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self, name: str) -> int | None:
        with self._database.reading() as connection:
            return cursor(connection, name)

    def set_cursor(self, name: str, value: int) -> None:
        with self._database.writing() as connection:
            set_cursor(connection, name, value)


def cursor(connection: Connection, name: str) -> int | None:
    return connection.scalar(select(cursors.c.value).where(cursors.c.name == name))


def set_cursor(connection: Connection, name: str, value: int) -> None:
    changed = connection.execute(update(cursors).where(cursors.c.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(cursors).values(name=name, value=value))
