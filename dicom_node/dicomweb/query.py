"""Query parameters of a search (PS3.18 Section 8.3.4) as conditions on the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicom_node.dicomweb.problems import WebError
from inference.domain.catalog import Condition, Field, Kind, Level
from inference.domain.matching import AnyOf, Between, Empty, Like, Match, last_time_key, time_key
from inference.domain.uid import check_uid

MAXIMUM = {Level.STUDY: 1000, Level.SERIES: 5000, Level.INSTANCE: 10_000}  # results
_MAX_VALUE = 1024  # characters
_MAX_UIDS = 1000
_MAX_INCLUDED = 200
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_PARAMETERS = frozenset(
    (
        "accept",
        "charset",
        "fuzzymatching",
        "includefield",
        "limit",
        "offset",
        "emptyvaluematching",
        "multiplevaluematching",
    )
)
_LISTS = (Field.MODALITIES_IN_STUDY, Field.MODALITY)  # CS has no comma, so it can separate
_PAIRS = (
    (Field.STUDY_DATE, Field.STUDY_TIME),
    (Field.PERFORMED_PROCEDURE_STEP_START_DATE, Field.PERFORMED_PROCEDURE_STEP_START_TIME),
)
_BY_KEYWORD = {field.keyword: field for field in Field}
_REQUEST_SEQUENCE = "RequestAttributesSequence"
_IN_REQUEST = (Field.SCHEDULED_PROCEDURE_STEP_ID, Field.REQUESTED_PROCEDURE_ID)


@dataclass(frozen=True, slots=True)
class Query:
    """`included` are keywords that the catalog may lack; `warnings` go into headers."""

    conditions: tuple[Condition, ...]
    limit: int
    offset: int
    included: tuple[str, ...] = ()
    include_all: bool = False
    warnings: tuple[str, ...] = ()


def read_query(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Raises `WebError` or `InvalidUid`."""
    parameters = list(parameters)
    options = {name: value for name, value in parameters if name in _PARAMETERS}
    empty = _flag(options, "emptyvaluematching")
    several = _flag(options, "multiplevaluematching")
    warnings = []
    if _flag(options, "fuzzymatching"):
        warnings.append(
            "The fuzzymatching parameter is not supported. "
            "Only literal matching has been performed."
        )
    conditions: list[Condition] = []
    ranges: set[Field] = set()
    included: list[str] = []
    for name, value in parameters:
        if name == "includefield":
            included += [each.strip() for each in value.split(",") if each.strip()]
        elif name not in _PARAMETERS:
            field = _field(name, level)
            match = _match(field, value, empty=empty, several=several)
            if match is not None:
                conditions.append(Condition(field, match))
                if isinstance(match, Between) and "-" in value:
                    ranges.add(field)
    if len(included) > _MAX_INCLUDED:
        raise WebError("too many attributes are asked for")
    keywords = [_keyword(each.split(".")[0]) for each in included if each.lower() != "all"]
    return Query(
        conditions=tuple(_joined(conditions, ranges)),
        limit=min(_number(options, "limit", MAXIMUM[level]), MAXIMUM[level]),
        offset=_number(options, "offset", 0),
        included=tuple(dict.fromkeys(keywords)),
        include_all=any(each.lower() == "all" for each in included),
        warnings=tuple(warnings),
    )


def _flag(options: dict[str, str], name: str) -> bool:
    value = options.get(name, "false").lower()
    if value not in ("true", "false"):
        raise WebError(f"{name} is true or false")
    return value == "true"


def _number(options: dict[str, str], name: str, default: int) -> int:
    value = options.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise WebError(f"{name} is a number, not less than 0")
    return int(value)


def _keyword(attribute: str) -> str:
    if _TAG.fullmatch(attribute):
        tag = int(attribute, 16)
        return keyword_for_tag(tag) or f"{tag:08X}"
    if tag_for_keyword(attribute) is None:
        raise WebError(f"{attribute[:64]!r} is no attribute (PS3.6)")
    return attribute


def _field(name: str, level: Level) -> Field:
    steps = [_keyword(each) for each in name.split(".")]
    if len(steps) == 2 and steps[0] == _REQUEST_SEQUENCE:
        field = _BY_KEYWORD.get(steps[1])
        field = field if field in _IN_REQUEST else None
    else:
        field = _BY_KEYWORD.get(steps[0]) if len(steps) == 1 else None
    if field is None or (field.kind is Kind.COMPUTED and field.keyword.startswith("Number")):
        raise WebError(f"{name[:64]} is not an attribute that can be matched here")
    if field.level > level:
        raise WebError(f"{name[:64]} belongs to a lower level than is searched")
    return field


def _match(field: Field, value: str, *, empty: bool, several: bool) -> Match | None:
    """Return what to match; None for Universal Matching (PS3.4 Section C.2.2.2.3)."""
    if len(value) > _MAX_VALUE and field.kind is not Kind.UID:
        raise WebError(f"the value of {field.keyword} is too long")
    if value in ("", "*"):
        return None
    if value == '""' and empty:
        return Empty()
    if field.kind is Kind.UID or field is Field.SOP_CLASSES_IN_STUDY:
        uids = [check_uid(each.strip()) for each in re.split(r"[,\\]", value) if each.strip()]
        if not 0 < len(uids) <= _MAX_UIDS:
            raise WebError(f"{field.keyword} lists 1 to {_MAX_UIDS} UIDs")
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
            raise WebError(f"{field.keyword} is a number")
        return AnyOf(tuple(str(int(each)) for each in values))
    keys = [field.key(each.strip()) for each in values]
    if any("*" in each or "?" in each for each in keys):
        if len(keys) > 1:
            raise WebError(f"{field.keyword}: a list has no wildcards")
        return Like(re.sub(r"\*+", "*", keys[0]))
    return AnyOf(tuple(keys))


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
        raise WebError(f"{field.keyword} is neither a {field.kind} nor a range of them")
    if not dash:
        return AnyOf((low,)) if field.kind is Kind.DATE else Between(first(low), last(low))
    return Between(first(low) if low else "", last(high) if high else "")


def _joined(conditions: Sequence[Condition], ranges: Collection[Field]) -> Sequence[Condition]:
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


def levels_of(level: Level, given: Iterable[Field]) -> tuple[Level, ...]:
    """Return the levels whose attributes an answer has.

    Those above are in it where the path does not name them (PS3.18 Section 10.6.3.3).
    """
    known = {field.level for field in given}
    return tuple(each for each in Level if each == level or (each < level and each not in known))
