"""Moves all that one database holds to another: out of the embedded form into the grown one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, delete, func, insert, select, text, tuple_

from inference.domain.errors import MoveRefused
from inference.persistence import tickets
from inference.persistence.codec import presentable, to_json
from inference.persistence.engine import Database
from inference.persistence.schema import metadata

_BATCH = 1000  # rows in one transaction
_NOT_MOVED = {"jobs": {"ticket"}}  # belongs to the queue of each database


@dataclass(frozen=True, slots=True)
class MovedTable:
    """`digest` is the SHA-256 over all rows in the order of their keys, on both sides."""

    name: str
    rows: int
    digest: str


def move(
    source: Database,
    target: Database,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Sequence[MovedTable]:
    """Copy every table, compare them, and return what there is on both sides.

    Both have the tables of this version, and nobody else works with either. A move that was
    broken off goes on where it was. `progress` is told a table, and how many of its rows are
    done, at last how many tables are "compared". Raises `MoveRefused` where the target holds
    anything else, before it is changed.
    """
    tables = metadata.sorted_tables
    check_beginning(source, target)
    for table in tables:
        copy = _copy if table.primary_key else _copy_anew
        copy(source, target, table, progress)
    with source.reading() as old, target.writing() as new:
        _set_sequences(old, new)
        tickets.defer_all(new)
    compared = []
    for table in tables:
        compared.append(_compare(source, target, table))
        progress("compared", len(compared), len(tables))
    return compared


def check_beginning(source: Database, target: Database) -> None:
    """Raise `MoveRefused` where the target holds anything that is not of the source."""
    for table in metadata.sorted_tables:
        if table.primary_key:
            _check_beginning(source, target, table)


def _check_beginning(source: Database, target: Database, table: Table) -> None:
    """Is what the target holds the beginning of what the source does?"""
    with source.reading() as old, target.reading() as new:
        held = _count(new, table)
        if not held:
            return
        first = new.execute(_rows(table, limit=1)).all()
        last = new.execute(_rows(table, limit=1, newest_first=True)).all()
        same = held <= _count(old, table)
        for row in (*first, *last):
            found = old.execute(select(table).where(_key(table) == tuple_(*_key_of(table, row))))
            same = same and [_line(table, each) for each in found] == [_line(table, row)]
    if not same:
        raise MoveRefused(
            f"the table {table.name} of the other database holds what does not come from here. "
            "If that database is served already, the move is done; else give an empty one"
        )


def _copy(
    source: Database, target: Database, table: Table, progress: Callable[[str, int, int], None]
) -> None:
    with source.reading() as old, target.reading() as new:
        total, done = _count(old, table), _count(new, table)
        last = new.execute(_rows(table, limit=1, newest_first=True)).first()
    progress(table.name, done, total)
    while done < total:
        query = _rows(table, limit=_BATCH)
        if last is not None:
            query = query.where(_key(table) > tuple_(*_key_of(table, last)))
        with source.reading() as old:
            rows = old.execute(query).all()
        if not rows:
            return
        with target.writing() as new:
            new.execute(insert(table), [_values(table, row) for row in rows])
        last, done = rows[-1], done + len(rows)
        progress(table.name, done, total)


def _copy_anew(
    source: Database, target: Database, table: Table, progress: Callable[[str, int, int], None]
) -> None:
    """Copy the rows of others, which have no key to go on from, in one transaction."""
    with source.reading() as old, target.writing() as new:
        total, done = _count(old, table), 0
        new.execute(delete(table))
        streamed = old.execution_options(yield_per=_BATCH).execute(_rows(table))
        for rows in streamed.partitions():
            new.execute(insert(table), [_values(table, row) for row in rows])
            done += len(rows)
            progress(table.name, done, total)


def _compare(source: Database, target: Database, table: Table) -> MovedTable:
    with source.reading() as old, target.reading() as new:
        rows = _count(old, table), _count(new, table)
        digests = _digest(old, table), _digest(new, table)
    if rows[0] != rows[1] or digests[0] != digests[1]:
        raise MoveRefused(
            f"the table {table.name} is not the same on both sides: {rows[0]} and {rows[1]} rows. "
            "If the other database is served already, the move is done; else give an empty one"
        )
    return MovedTable(table.name, rows[0], digests[0])


def _set_sequences(old: Connection, new: Connection) -> None:
    """Let numbers go on after the last that was ever given, also where its row is gone."""
    rows = old.execute(text("SELECT name, seq FROM sqlite_sequence"))
    given = {row.name: int(row.seq) for row in rows}
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        highest = new.scalar(select(func.max(column))) or 0
        last = max(given.get(table.name, 0), highest)
        if last:
            new.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"),
                {"table": table.name, "column": column.name, "last": last},
            )


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _rows(table: Table, limit: int | None = None, newest_first: bool = False) -> Any:
    key = list(table.primary_key) or list(table.columns)
    order = [each.desc() if newest_first else each for each in key]
    return select(table).order_by(*order).limit(limit)


def _key(table: Table) -> Any:
    return tuple_(*table.primary_key)


def _key_of(table: Table, row: Row[Any]) -> list[Any]:
    return [row._mapping[each] for each in table.primary_key]


def _moved(table: Table) -> Iterator[Column[Any]]:
    return (each for each in table.columns if each.name not in _NOT_MOVED.get(table.name, ()))


def _values(table: Table, row: Row[Any]) -> Mapping[str, Any]:
    return {each.name: row._mapping[each] for each in _moved(table)}


def _line(table: Table, row: Row[Any]) -> str:
    values = [to_json(row._mapping[each]) for each in _moved(table)]
    # What PostgreSQL does not take is written otherwise there; that is no difference.
    return presentable(json.dumps([_plain(each) for each in values], sort_keys=True))


def _plain(value: Any) -> Any:
    return presentable(value) if isinstance(value, str) else value


def _digest(connection: Connection, table: Table) -> str:
    digest = hashlib.sha256()
    for row in connection.execution_options(yield_per=_BATCH).execute(_rows(table)):
        digest.update(_line(table, row).encode())
    return digest.hexdigest()
