"""Searching the catalog in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    or_,
    select,
)

from inference.domain.catalog import Condition, Entry, Field, Kind, Level, Search, Value
from inference.domain.instance import Description
from inference.domain.matching import AnyOf, Between, Empty, Match
from inference.persistence.catalog_tables import (
    TABLES,
    catalog_instances,
    catalog_series,
    catalog_studies,
    column_name,
    fields_of,
    key_name,
)
from inference.persistence.cataloguing import catalogue
from inference.persistence.engine import Database
from inference.persistence.narrowing import candidates, is_few, leads, unindexed


class SqlCatalog:
    """`Catalog`. Pages are found by number, so that a late one costs what the first did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, search: Search) -> Sequence[Entry]:
        number = TABLES[search.level].c.number
        newest_first = search.level is Level.STUDY
        order = number.desc() if newest_first else number
        # Numbers alone are sorted and skipped; what they stand for is read for one page.
        page = select(number).select_from(_joined(search))
        page = page.order_by(order).limit(search.limit).offset(search.offset)
        if search.after is not None:
            page = page.where(number < search.after if newest_first else number > search.after)
        with self._database.reading() as connection:
            for condition in self._conditions(connection, search):
                page = page.where(condition)
            query = _select(search.level).where(number.in_(page)).order_by(order)
            return self._entries(connection, search.level, connection.execute(query).all())

    def undescribed(self, limit: int = 100, after: int = 0) -> Sequence[Entry]:
        query = (
            _select(Level.INSTANCE)
            .where(~catalog_instances.c.described, catalog_instances.c.number > after)
            .order_by(catalog_instances.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return self._entries(connection, Level.INSTANCE, connection.execute(query).all())

    def describe(self, description: Description) -> None:
        same = catalog_instances.c.sop_instance_uid == description.sop_instance_uid
        with self._database.writing() as connection:
            key = connection.scalar(select(catalog_instances.c.key).where(same))
            if key is not None:
                catalogue(connection, description, key)

    def _entries(
        self, connection: Connection, level: Level, rows: Sequence[Any]
    ) -> tuple[Entry, ...]:
        studies = _summaries(connection, {row.study for row in rows})
        return tuple(_entry(level, row, studies.get(row.study, {})) for row in rows)

    def _conditions(self, connection: Connection, search: Search) -> Iterator[ColumnElement[bool]]:
        led = any(leads(each) for each in search.conditions)
        for each in search.conditions:
            found = None if led else candidates(each)
            if found is not None and is_few(connection, found):
                yield catalog_studies.c.number.in_(found)
                yield self._holds(each)
            else:
                yield self._holds(each, along=found is not None)

    def _holds(self, condition: Condition, along: bool = False) -> ColumnElement[bool]:
        """`along` the list: an index on the value would lead to too many rows."""
        field = condition.field
        if field in (Field.MODALITIES_IN_STUDY, Field.SOP_CLASSES_IN_STUDY):
            return self._below(field, condition.match)
        if field.kind is Kind.COMPUTED:
            raise ValueError(f"{field.keyword} is counted, not searched")
        column: ColumnElement[Any] = TABLES[field.level].c[key_name(field)]
        if condition.time is not None:
            column = column + TABLES[condition.time.level].c[key_name(condition.time)]
        elif along and self._database.is_sqlite:
            column = unindexed(column)
        if field.kind is Kind.NUMBER:
            return _number(column, condition.match)
        return self._matches(column, condition.match, field.kind is Kind.NAME)

    def _below(self, field: Field, match: Match) -> ColumnElement[bool]:
        """Does a Series or an Instance of the Study match?"""
        table: FromClause
        if field is Field.MODALITIES_IN_STUDY:
            table, name = catalog_series.alias("below"), "modality"
        else:
            table, name = catalog_instances.alias("below"), "sop_class_uid"
        holds = self._matches(table.c[name], match, names=False)
        return exists().where(table.c.study == catalog_studies.c.number, holds)

    def _matches(
        self, column: ColumnElement[Any], match: Match, names: bool
    ) -> ColumnElement[bool]:
        if isinstance(match, Empty):
            return column == ""
        if isinstance(match, Between):
            limits = [column != ""]
            if match.first:
                limits.append(column >= match.first)
            if match.last:
                limits.append(column <= match.last)
            return and_(*limits)
        if isinstance(match, AnyOf):
            alike: ColumnElement[bool] = column.in_(match.values)
            if not names:
                return alike
            # Any of the three component groups (PS3.5 Section 6.2.1.1)
            groups = [_literal(value) for value in match.values]
        else:
            alike, groups = self._like(column, match.pattern), [match.pattern]
        if not names:
            return alike
        around = [f"{each}=*" for each in groups]
        if not all(each.isascii() for each in groups):
            around += [f"*={each}" for each in groups] + [f"*={each}=*" for each in groups]
        return or_(alike, *(self._like(column, each) for each in around))

    def _like(self, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """SQLite's LIKE knows no case; its GLOB does, and has the same wildcards as DICOM."""
        if self._database.is_sqlite:
            return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
        escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")


def _literal(value: str) -> str:
    # A value with wildcards is a pattern (C.2.2.2.4), so this one has none.
    return value.replace("*", "?")


def _number(column: ColumnElement[Any], match: Match) -> ColumnElement[bool]:
    if isinstance(match, Empty):
        return column.is_(None)
    if isinstance(match, AnyOf):
        return column.in_([int(each) for each in match.values])
    raise ValueError("numbers are matched one by one")


def _joined(search: Search) -> FromClause:
    """Join what is searched with the levels above that conditions are about."""
    levels = {each.field.level for each in search.conditions}
    source: FromClause = TABLES[search.level]
    if search.level is Level.INSTANCE and Level.SERIES in levels:
        source = source.join(catalog_series, catalog_instances.c.series == catalog_series.c.number)
    if search.level is not Level.STUDY and Level.STUDY in levels:
        study = TABLES[search.level].c.study
        source = source.join(catalog_studies, study == catalog_studies.c.number)
    return source


@cache
def _select(level: Level) -> Select[Any]:
    """Select the values of a level and those above, named by level and field."""
    source: FromClause = catalog_studies
    series, instances = catalog_series, catalog_instances
    if level is Level.SERIES:
        source = series.join(catalog_studies, series.c.study == catalog_studies.c.number)
    if level is Level.INSTANCE:
        source = instances.join(series, instances.c.series == series.c.number).join(
            catalog_studies, instances.c.study == catalog_studies.c.number
        )
    columns: list[ColumnElement[Any]] = [TABLES[level].c.number.label("entry")]
    columns.append(catalog_studies.c.number.label("study"))
    if level >= Level.SERIES:
        columns.append(series.c.instances.label("series_instances"))
    if level is Level.INSTANCE:
        columns.append(instances.c.key.label("part10"))
    columns += [TABLES[field.level].c[name] for field, name in _columns(level)]
    return select(*columns).select_from(source)


def _summaries(connection: Connection, studies: set[int]) -> dict[int, dict[Field, Value]]:
    """Return what is computed of each Study, in one query for a page."""
    if not studies:
        return {}
    found: dict[int, dict[Field, Value]] = {}
    rows = connection.execute(
        select(
            catalog_series.c.study,
            catalog_series.c.modality,
            catalog_series.c.sop_classes,
            catalog_series.c.instances,
        )
        .where(catalog_series.c.study.in_(studies))
        .order_by(catalog_series.c.number)
    )
    modalities: dict[int, dict[str, None]] = {}
    classes: dict[int, dict[str, None]] = {}
    for row in rows:
        counts = found.setdefault(row.study, {})
        for field, change in (
            (Field.NUMBER_OF_STUDY_RELATED_SERIES, 1),
            (Field.NUMBER_OF_STUDY_RELATED_INSTANCES, row.instances),
        ):
            before = counts.get(field, 0)
            counts[field] = (before if isinstance(before, int) else 0) + change
        if row.modality:
            modalities.setdefault(row.study, {})[row.modality] = None
        classes.setdefault(row.study, {}).update(dict.fromkeys(row.sop_classes))
    for study, counts in found.items():
        counts[Field.MODALITIES_IN_STUDY] = tuple(modalities.get(study, ()))
        counts[Field.SOP_CLASSES_IN_STUDY] = tuple(classes.get(study, ()))
    return found


@cache
def _columns(level: Level) -> tuple[tuple[Field, str], ...]:
    """Return the fields of a level and those above, and their columns."""
    return tuple(
        (field, column_name(field)) for each in Level if each <= level for field in fields_of(each)
    )


def _entry(level: Level, row: Any, computed: dict[Field, Value]) -> Entry:
    columns = _columns(level)  # the last of the row, which go by their places: names cost more
    values: dict[Field, Value] = {
        field: value
        for (field, _), value in zip(columns, row[-len(columns) :], strict=True)
        if value not in (None, "")
    }
    values |= computed
    if level >= Level.SERIES:
        values[Field.NUMBER_OF_SERIES_RELATED_INSTANCES] = row.series_instances
    return Entry(level, row.entry, values, row.part10 if level is Level.INSTANCE else "")
