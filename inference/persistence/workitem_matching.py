"""What a search says of workitems, as conditions on the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, exists, select, type_coerce

from inference.domain.matching import AnyOf, Between, Empty, Match
from inference.domain.workitem_search import Key, KeyCondition
from inference.persistence.workitem_tables import workitem_keys, workitems

_COLUMNS = {
    Key.STATE: type_coerce(workitems.c.state, String),
    Key.SOP_INSTANCE: workitems.c.workitem_uid,
}


def holds(group: Sequence[KeyCondition], *, is_sqlite: bool) -> list[ColumnElement[bool]]:
    """Return what one item of a sequence, or the workitem itself, has to fulfil."""
    if len(group) == 1 and isinstance(group[0].match, AnyOf) and group[0].key in _COLUMNS:
        return [_COLUMNS[group[0].key].in_(group[0].match.values)]
    absent = [each for each in group if isinstance(each.match, Empty)]
    sought = [each for each in group if each not in absent]
    held: list[ColumnElement[bool]] = [
        ~exists().where(
            workitem_keys.c.workitem == workitems.c.number,
            workitem_keys.c.name == each.key.name,
        )
        for each in absent
    ]
    if sought:
        tables = [workitem_keys.alias(f"key_{number}") for number in range(len(sought))]
        first = tables[0]
        together: list[ColumnElement[bool]] = []
        for table, condition in zip(tables, sought, strict=True):
            together.append(table.c.name == condition.key.name)
            together.append(_matches(table.c.value, condition.match, is_sqlite=is_sqlite))
            if table is not first:
                together += [
                    table.c.workitem == first.c.workitem,
                    table.c.item == first.c.item,
                ]
        # By the index of values, which are few where somebody looks for something.
        held.append(workitems.c.number.in_(select(first.c.workitem).where(*together)))
    return held


def _matches(column: ColumnElement[Any], match: Match, *, is_sqlite: bool) -> ColumnElement[bool]:
    if isinstance(match, AnyOf):
        return column.in_(match.values)
    if isinstance(match, Between):
        limits = [column >= match.first] if match.first else []
        return and_(*limits, *([column <= match.last] if match.last else []))
    assert not isinstance(match, Empty)
    if is_sqlite:  # its LIKE knows no case
        pattern = match.pattern.replace("[", "[[]")
        return column.op("GLOB", is_comparison=True)(pattern)
    pattern = match.pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(pattern.replace("*", "%").replace("?", "_"), escape="\\")
