"""Query parameters of a search (PS3.18 Section 8.3.4) as conditions on the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicom_node.dicomweb.problems import WebError
from inference.domain.catalog import Condition, Field, Level
from inference.domain.keys import can_match, is_range, joined, match_of
from inference.domain.matching import AnyOf

MAXIMUM = {Level.STUDY: 1000, Level.SERIES: 5000, Level.INSTANCE: 10_000}  # results
_MAX_INCLUDED = 200
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
PARAMETERS = frozenset(
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
    """Raises `WebError`, `InvalidQuery` or `InvalidUid`."""
    parameters = list(parameters)
    options = {name: value for name, value in parameters if name in PARAMETERS}
    empty = flag(options, "emptyvaluematching")
    several = flag(options, "multiplevaluematching")
    warnings = []
    if flag(options, "fuzzymatching"):
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
        elif name not in PARAMETERS:
            field = _field(name, level)
            match = match_of(field, value, empty=empty, several=several)
            if match is not None:
                if isinstance(match, AnyOf) and any(each.field is field for each in conditions):
                    # Hardly anything is both, and who meant a list would be told of nothing.
                    raise WebError(
                        f"{field.keyword} is named twice; a comma separates UIDs and modalities"
                    )
                conditions.append(Condition(field, match))
                if is_range(match, value):
                    ranges.add(field)
    if len(included) > _MAX_INCLUDED:
        raise WebError("too many attributes are asked for")
    keywords = [keyword_of(each.split(".")[0]) for each in included if each.lower() != "all"]
    return Query(
        conditions=tuple(joined(conditions, ranges)),
        limit=min(number(options, "limit", MAXIMUM[level]), MAXIMUM[level]),
        offset=number(options, "offset", 0),
        included=tuple(dict.fromkeys(keywords)),
        include_all=any(each.lower() == "all" for each in included),
        warnings=tuple(warnings),
    )


def flag(options: Mapping[str, str], name: str) -> bool:
    """Raises `WebError`."""
    value = options.get(name, "false").lower()
    if value not in ("true", "false"):
        raise WebError(f"{name} is true or false")
    return value == "true"


def number(options: Mapping[str, str], name: str, default: int) -> int:
    """Raises `WebError`."""
    value = options.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise WebError(f"{name} is a number, not less than 0")
    return int(value)


def keyword_of(attribute: str) -> str:
    """Return the keyword of what is named by keyword or tag. Raises `WebError`."""
    if _TAG.fullmatch(attribute):
        tag = int(attribute, 16)
        return keyword_for_tag(tag) or f"{tag:08X}"
    if tag_for_keyword(attribute) is None:
        raise WebError(f"{attribute[:64]!r} is no attribute (PS3.6)")
    return attribute


def _field(name: str, level: Level) -> Field:
    steps = [keyword_of(each) for each in name.split(".")]
    if len(steps) == 2 and steps[0] == _REQUEST_SEQUENCE:
        field = _BY_KEYWORD.get(steps[1])
        field = field if field in _IN_REQUEST else None
    else:
        field = _BY_KEYWORD.get(steps[0]) if len(steps) == 1 else None
    if field is None or not can_match(field):
        raise WebError(f"{name[:64]} is not an attribute that can be matched here")
    if field.level > level:
        raise WebError(f"{name[:64]} belongs to a lower level than is searched")
    return field


def levels_of(level: Level, given: Iterable[Field]) -> tuple[Level, ...]:
    """Return the levels whose attributes an answer has.

    Those above are in it where the path does not name them (PS3.18 Section 10.6.3.3).
    """
    known = {field.level for field in given}
    return tuple(each for each in Level if each == level or (each < level and each not in known))
