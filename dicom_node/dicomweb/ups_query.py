"""Query parameters of a search for workitems (PS3.18 Sections 8.3.4 and 11.9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dicom_node.dicomweb.problems import WebError
from dicom_node.dicomweb.query import PARAMETERS, flag, keyword_of, number
from inference.domain.matching import AnyOf, Between, Empty, Like, Match
from inference.domain.uid import check_uid
from inference.domain.workitem_search import (
    LONGEST_KEY,
    Key,
    KeyCondition,
    KeyKind,
    WorkitemSearch,
    date_time_key,
    last_date_time_key,
)

MAXIMUM: Final = 200  # workitems at once
_MOST_CONDITIONS: Final = 32
_MOST_UIDS: Final = 1000
_MOST_INCLUDED: Final = 200
_DATE: Final = re.compile(r"[0-9]{8}")
_BY_PATH: Final = {key.path: key for key in Key}


@dataclass(frozen=True, slots=True)
class WorkitemQuery:
    """`warnings` go into headers."""

    search: WorkitemSearch
    warnings: tuple[str, ...] = ()


def read_workitem_query(parameters: Iterable[tuple[str, str]]) -> WorkitemQuery:
    """Raises `WebError` or `InvalidUid`. A workitem is returned whole, whatever is included."""
    parameters = list(parameters)
    options = {name: value for name, value in parameters if name in PARAMETERS}
    warnings = []
    if flag(options, "fuzzymatching"):
        warnings.append(
            "The fuzzymatching parameter is not supported. "
            "Only literal matching has been performed."
        )
    included = [value for name, value in parameters if name == "includefield"]
    fields = [each.strip() for value in included for each in value.split(",") if each.strip()]
    if len(fields) > _MOST_INCLUDED:
        raise WebError("too many attributes are asked for")
    for each in fields:
        if each.lower() != "all":
            _path(each)
    said = [(name, value) for name, value in parameters if name not in PARAMETERS]
    conditions = conditions_of(
        said,
        empty=flag(options, "emptyvaluematching"),
        several=flag(options, "multiplevaluematching"),
    )
    limit = min(number(options, "limit", MAXIMUM), MAXIMUM)
    return WorkitemQuery(
        WorkitemSearch(conditions, limit, number(options, "offset", 0)), tuple(warnings)
    )


def read_filter(text: str) -> tuple[KeyCondition, ...]:
    """Read the filter of a subscription, as PatientID=1,ProcedureStepLabel=Read*."""
    said: list[tuple[str, str]] = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            said.append((name.strip(), value))
        elif said:  # a comma of the value
            said[-1] = said[-1][0], f"{said[-1][1]},{part}"
        else:
            raise WebError("a filter is a list of attribute=value")
    conditions = conditions_of(said)
    if not conditions:
        raise WebError("a filter names at least one value that is to match")
    return conditions


def conditions_of(
    said: Iterable[tuple[str, str]], *, empty: bool = False, several: bool = False
) -> tuple[KeyCondition, ...]:
    """Raises `WebError` or `InvalidUid`."""
    found = []
    for name, value in said:
        key = _BY_PATH.get(_path(name))
        if key is None:
            raise WebError(f"{name[:64]} is not an attribute by which workitems are found")
        match = _match(key, value, empty=empty, several=several)
        if match is not None:
            found.append(KeyCondition(key, match))
    if len(found) > _MOST_CONDITIONS:
        raise WebError(f"there are more than {_MOST_CONDITIONS} conditions")
    return tuple(found)


def _path(name: str) -> str:
    return ".".join(keyword_of(each) for each in name.split("."))


def _match(key: Key, value: str, *, empty: bool, several: bool) -> Match | None:
    """Return what to match; None for Universal Matching."""
    if value in ("", "*"):
        return None
    if value == '""' and empty:
        return Empty()
    if key.kind is KeyKind.UID:
        uids = [check_uid(each.strip()) for each in re.split(r"[,\\]", value) if each.strip()]
        if not 0 < len(uids) <= _MOST_UIDS:
            raise WebError(f"{key.path} lists 1 to {_MOST_UIDS} UIDs")
        return AnyOf(tuple(uids))
    if len(value) > LONGEST_KEY:
        raise WebError(f"the value of {key.path} is too long")
    if key.kind is KeyKind.DATE_TIME:
        return _range(key, value, date_time_key, last_date_time_key)
    if key.kind is KeyKind.DATE:
        return _range(key, value, _date, _date)
    keys = [each for part in _values(key, value, several) for each in key.keys(part.strip())]
    if any("*" in each or "?" in each for each in keys):
        if len(keys) > 1:
            raise WebError(f"{key.path}: a list has no wildcards")
        return Like(re.sub(r"\*+", "*", keys[0]))
    return AnyOf(tuple(keys))


def _values(key: Key, value: str, several: bool) -> list[str]:
    # Codes in capitals have no comma, so it can separate them.
    if key in (Key.STATE, Key.PRIORITY, Key.READINESS):
        return re.split(r"[,\\]", value)
    return value.split("\\") if several else [value]


def _date(text: str) -> str | None:
    return text if _DATE.fullmatch(text) else None


def _range(
    key: Key,
    value: str,
    first: Callable[[str], str | None],
    last: Callable[[str], str | None],
) -> Match:
    """A hyphen may be that of an offset: what is one value is no range (PS3.5 Section 6.2)."""
    start, end = first(value), last(value)
    if start and end:
        return Between(start, end)
    for position, character in enumerate(value):
        if character != "-":
            continue
        low, high = value[:position], value[position + 1 :]
        start, end = first(low) if low else "", last(high) if high else ""
        if start is not None and end is not None and (low or high):
            return Between(start, end)
    raise WebError(f"{key.path} is neither a {key.kind} nor a range of them")
