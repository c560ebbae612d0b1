"""Which way to go through the catalog: to the few rows that can match, or along all of them.

A database without statistics, and SQLite with its one plan for all values, choose the same way
for a rare value and for a frequent one. Each is fast for the other's opposite: where few match,
an index leads to them; where many do, a page is full after a few rows of the list. So the index
is asked first, no further than to `FEW`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from inference.domain.catalog import Condition, Field, Kind, Level
from inference.domain.matching import AnyOf, Between, Like
from inference.persistence.catalog_tables import catalog_series, catalog_studies, key_name
from inference.persistence.name_parts import parts_of, with_parts

FEW = 2000  # rows; to sort so many takes a millisecond
_INDEXED = (
    Field.STUDY_INSTANCE_UID,
    Field.PATIENT_ID,
    Field.ACCESSION_NUMBER,
    Field.SERIES_INSTANCE_UID,
    Field.SOP_INSTANCE_UID,
)
_LAST = "\U0010ffff"


def leads(condition: Condition) -> bool:
    """Does the index on this value lead to few rows, whatever the value?"""
    return condition.field in _INDEXED and isinstance(condition.match, AnyOf)


def candidates(condition: Condition) -> Select[int] | None:
    """Select the Studies that an index has for `condition`: more than match, but none too few.

    None where no index knows.
    """
    field, match = condition.field, condition.match
    if field is Field.MODALITIES_IN_STUDY and isinstance(match, AnyOf):
        modality = catalog_series.c.modality
        return select(catalog_series.c.study).where(modality.in_(match.values)).distinct()
    if field is Field.PATIENT_NAME:
        return _named(condition)
    if field.level is not Level.STUDY or field.kind is Kind.COMPUTED:
        return None
    column = catalog_studies.c[key_name(field)]
    if field is Field.STUDY_DATE and isinstance(match, Between):
        return _numbers(column != "", *_limits(column, match.first[:8], match.last[:8]))
    if field in _INDEXED and isinstance(match, Like):
        return _starting(column, _start(match.pattern))
    return None


def is_few(connection: Connection, found: Select[int]) -> bool:
    """Are there no more than `FEW`? It takes no longer if there are many more."""
    rows = found.limit(FEW + 1).subquery()
    return int(connection.scalar(select(func.count()).select_from(rows)) or 0) <= FEW


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `column` so that SQLite uses no index for it; its manual knows it as unary +."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _named(condition: Condition) -> Select[int] | None:
    column, match = catalog_studies.c[key_name(Field.PATIENT_NAME)], condition.match
    if isinstance(match, AnyOf):
        patterns = [each.replace("*", "?") for each in match.values]
    else:
        patterns = [match.pattern] if isinstance(match, Like) else []
    if len(patterns) != 1:
        return None
    (pattern,) = patterns
    start = _start(pattern)
    # What is ASCII is matched in the first component group alone, so it begins the key.
    if pattern.isascii() and (len(start) > 2 or (start and not parts_of(pattern))):
        return _starting(column, start)
    return with_parts(pattern)


def _start(pattern: str) -> str:
    return pattern.split("*")[0].split("?")[0]


def _starting(column: ColumnElement[Any], start: str) -> Select[int] | None:
    if not start:
        return None
    return _numbers(column >= start, column <= literal(start + _LAST))


def _limits(column: ColumnElement[Any], first: str, last: str) -> list[ColumnElement[bool]]:
    return ([column >= first] if first else []) + ([column <= last] if last else [])


def _numbers(*conditions: ColumnElement[bool]) -> Select[int]:
    return select(catalog_studies.c.number).where(*conditions)
