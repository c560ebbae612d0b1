"""`Catalog` in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from inference.domain.catalog import Condition, Entry, Field, Kind, Level, Search, Value, values_of
from inference.domain.instance import Description
from inference.domain.matching import AnyOf, Between, Empty, Like, Match
from inference.fakes.store import CatalogRow, MemoryStore

_UIDS = (Field.STUDY_INSTANCE_UID, Field.SERIES_INSTANCE_UID, Field.SOP_INSTANCE_UID)


class MemoryCatalog:
    """A Study or Series has the number of its first Instance."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def search(self, search: Search) -> Sequence[Entry]:
        with self._store.transaction():
            found = [
                entry
                for entry in self._entries(search.level)
                if all(_holds(each, entry.values) for each in search.conditions)
            ]
        if search.level is Level.STUDY:
            found.reverse()
        after = search.after
        if after is not None:
            older = search.level is Level.STUDY
            found = [each for each in found if (each.number < after) is older]
            found = [each for each in found if each.number != after]
        return tuple(found[search.offset : search.offset + search.limit])

    def undescribed(self, limit: int = 100, after: int = 0) -> Sequence[Entry]:
        with self._store.transaction():
            missing = {row.number for row in self._rows() if not row.described}
            found = self._entries(Level.INSTANCE)
        return tuple(each for each in found if each.number in missing and each.number > after)[
            :limit
        ]

    def describe(self, description: Description) -> None:
        with self._store.transaction():
            row = self._store.catalog.get(description.sop_instance_uid)
            if row is not None and not row.removed:
                row.values = dict(values_of(description))
                row.described = True
                row.leads = not description.attributes.made_by_wetread

    def _rows(self) -> list[CatalogRow]:
        return [each for each in self._all_rows() if not each.removed]

    def _all_rows(self) -> list[CatalogRow]:
        return sorted(self._store.catalog.values(), key=lambda each: each.number)

    def _entries(self, level: Level) -> list[Entry]:
        found: dict[tuple[Value, ...], Entry] = {}
        for row in self._rows():
            name = tuple(row.values[uid] for uid in _UIDS[:level])
            if name in found:
                continue
            key = row.key if level is Level.INSTANCE else ""
            found[name] = Entry(level, row.number, self._values(row, level), key)
        return list(found.values())

    def _values(self, row: CatalogRow, level: Level) -> Mapping[Field, Value]:
        study, series = (row.values[uid] for uid in _UIDS[:2])
        of_study = [each for each in self._all_rows() if each.values[_UIDS[0]] == study]
        same_study = [each for each in of_study if not each.removed]
        same_series = [each for each in same_study if each.values[_UIDS[1]] == series]
        values: dict[Field, Value] = {}
        sources = {Level.STUDY: of_study, Level.SERIES: same_series, Level.INSTANCE: [row]}
        for each in Level:
            if each > level:
                break
            for source in sources[each]:
                if each is not Level.STUDY or source.leads or not values:
                    of_level = {f: v for f, v in source.values.items() if f.level is each}
                    values |= of_level
        values[Field.MODALITIES_IN_STUDY] = _distinct(same_study, Field.MODALITY)
        values[Field.SOP_CLASSES_IN_STUDY] = _distinct(same_study, Field.SOP_CLASS_UID)
        values[Field.NUMBER_OF_STUDY_RELATED_INSTANCES] = len(same_study)
        values[Field.NUMBER_OF_STUDY_RELATED_SERIES] = len(
            _distinct(same_study, Field.SERIES_INSTANCE_UID)
        )
        if level >= Level.SERIES:
            values[Field.NUMBER_OF_SERIES_RELATED_INSTANCES] = len(same_series)
        return values


def _distinct(rows: Sequence[CatalogRow], field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(row.values[field]) for row in rows if field in row.values))


def _holds(condition: Condition, values: Mapping[Field, Value]) -> bool:
    field = condition.field
    value = values.get(field, "")
    if isinstance(value, tuple):
        return any(_matches(condition.match, each, names=False) for each in value)
    key = field.key(str(value))
    if condition.time is not None:
        key += condition.time.key(str(values.get(condition.time, "")))
    if field.kind is Kind.NUMBER and isinstance(condition.match, AnyOf):
        return key in {str(int(each)) for each in condition.match.values}
    return _matches(condition.match, key, names=field.kind is Kind.NAME)


def _matches(match: Match, key: str, *, names: bool) -> bool:
    if isinstance(match, Empty):
        return key == ""
    if isinstance(match, Between):
        return key != "" and key >= match.first and (not match.last or key <= match.last)
    keys = [key, *key.split("=")] if names else [key]
    if isinstance(match, AnyOf):
        return any(each in match.values for each in keys)
    return any(_like(match, each) for each in keys)


def _like(match: Like, key: str) -> bool:
    pattern = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in match.pattern)
    return re.fullmatch(pattern, key, re.DOTALL) is not None
