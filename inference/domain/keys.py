"""What a query says of an attribute, as a match on the catalog (PS3.4 Section C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from inference.domain.catalog import Condition, Field, Kind
from inference.domain.errors import InvalidQuery
from inference.domain.matching import AnyOf, Between, Empty, Like, Match, last_time_key, time_key
from inference.domain.uid import check_uid

_MAX_VALUE = 1024  # characters
_MAX_UIDS = 1000
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_LISTS = (Field.MODALITIES_IN_STUDY, Field.MODALITY)  # CS has no comma, so it can separate
_PAIRS = (
    (Field.STUDY_DATE, Field.STUDY_TIME),
    (Field.PERFORMED_PROCEDURE_STEP_START_DATE, Field.PERFORMED_PROCEDURE_STEP_START_TIME),
)


def can_match(field: Field) -> bool:
    """Is it an attribute that may have a value in a query? What is counted may not."""
    return not (field.kind is Kind.COMPUTED and field.keyword.startswith("Number"))


def match_of(
    field: Field, value: str, *, empty: bool = False, several: bool = False
) -> Match | None:
    """Return what to match; None for Universal Matching (PS3.4 Section C.2.2.2.3).

    With `empty`, two quotation marks match no value; with `several`, a backslash separates
    values. Raises `InvalidQuery` or `InvalidUid`.
    """
    if len(value) > _MAX_VALUE and field.kind is not Kind.UID:
        raise InvalidQuery(f"the value of {field.keyword} is too long")
    if value in ("", "*"):
        return None
    if value == '""' and empty:
        return Empty()
    if field.kind is Kind.UID or field is Field.SOP_CLASSES_IN_STUDY:
        uids = [check_uid(each.strip()) for each in re.split(r"[,\\]", value) if each.strip()]
        if not 0 < len(uids) <= _MAX_UIDS:
            raise InvalidQuery(f"{field.keyword} lists 1 to {_MAX_UIDS} UIDs")
        return AnyOf(tuple(uids))
    if field.kind is Kind.DATE:
        return _range(field, value, _DATE, lambda first: first, lambda last: last)
    if field.kind is Kind.TIME:
        return _range(field, value.replace(":", ""), _TIME, time_key, last_time_key)
    if field in _LISTS:
        values = [each.strip() for each in re.split(r"[,\\]", value) if each.strip()]
    else:
        values = value.split("\\") if several else [value]
    if field.kind is Kind.NUMBER:
        if not all(re.fullmatch(r"\s*[+-]?\d{1,12}\s*", each) for each in values):
            raise InvalidQuery(f"{field.keyword} is a number")
        return AnyOf(tuple(str(int(each)) for each in values))
    keys = [field.key(each.strip()) for each in values]
    if field.kind is Kind.NAME:
        # An empty component group in front matches any, and one group is enough (C.2.2.2.1).
        keys = [each.lstrip("=") for each in keys]
    if any("*" in each or "?" in each for each in keys):
        if len(keys) > 1:
            raise InvalidQuery(f"{field.keyword}: a list has no wildcards")
        return Like(re.sub(r"\*+", "*", keys[0]))
    return AnyOf(tuple(keys))


def is_range(match: Match | None, value: str) -> bool:
    """Is it Range Matching? A TM alone has a first and a last moment, too."""
    return isinstance(match, Between) and "-" in value


def joined(conditions: Sequence[Condition], ranges: Collection[Field]) -> Sequence[Condition]:
    """Match ranges of a date and its time as one (PS3.4 Section C.2.2.2.5.4).

    From 23:00 of one day to 01:00 of the next is two hours, and not no time at all.
    """
    found = list(conditions)
    for date, time in _PAIRS:
        dates = [each for each in found if each.field is date]
        times = [each for each in found if each.field is time]
        if not {date, time} <= set(ranges) or len(dates) != 1 or len(times) != 1:
            continue
        day, hour = dates[0].match, times[0].match
        assert isinstance(day, Between)
        assert isinstance(hour, Between)
        if (hour.first and not day.first) or (hour.last and not day.last):
            continue
        both = Between(
            day.first and day.first + (hour.first or "000000.000000"),
            day.last and day.last + (hour.last or "235959.999999"),
        )
        found = [each for each in found if each not in (dates[0], times[0])]
        found.append(Condition(date, both, time))
    return found


def _range(
    field: Field,
    value: str,
    form: re.Pattern[str],
    first: Callable[[str], str],
    last: Callable[[str], str],
) -> Match:
    low, dash, high = value.partition("-")
    valid = all(not each or form.fullmatch(each) for each in (low, high))
    if not valid or not (low or high):
        raise InvalidQuery(f"{field.keyword} is neither a {field.kind} nor a range of them")
    if not dash:
        return AnyOf((low,)) if field.kind is Kind.DATE else Between(first(low), last(low))
    return Between(first(low) if low else "", last(high) if high else "")
