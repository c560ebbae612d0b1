"""Search parameters of FHIR (R4, Section 3.1.1), as queries of the core."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from inference.domain.errors import InvalidUid
from inference.domain.listing import ResultQuery
from inference.domain.uid import check_uid
from wetread.fhir.codes import DICOM_UID
from wetread.web.api.paging import before
from wetread.web.problems import InvalidSearch, NotAcceptable

CURSOR = "_cursor"  # of a `next` link; nobody but this server makes it
_LARGEST = 100  # matches of a page
_STATUSES = frozenset(("preliminary", "final", "cancelled"))
_FORMATS = frozenset(("", "json", "application/json", "application/fhir+json"))
_MOMENT = re.compile(
    r"(eq|ge|gt|le|lt)?(\d{4})(?:-(\d\d)(?:-(\d\d)"
    r"(T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?"
)
_PERSON = re.compile(r"(patient|subject)(:identifier|\.identifier)")


@dataclass(frozen=True, slots=True)
class ReportSearch:
    """`nothing`: no result can match. `statuses`: all where empty."""

    query: ResultQuery = field(default_factory=ResultQuery)
    job: int | None = None
    statuses: frozenset[str] = frozenset()
    count: int = 20
    include: bool = False
    nothing: bool = False


def read_search(parameters: Iterable[tuple[str, str]], *, in_address: bool) -> ReportSearch:
    """Raises `InvalidSearch`: what is not understood is never passed over.

    Of a parameter that is repeated, each has to hold (R4, Section 3.1.1.3).
    """
    search = ReportSearch()
    for name, value in parameters:
        search = _read(search, name, value, in_address)
    return search


def check_format(value: str) -> None:
    """Raise `NotAcceptable` unless `_format` asks for JSON."""
    if value.strip().lower().replace(" ", "+") not in _FORMATS:
        raise NotAcceptable("acceptable is application/fhir+json")


def _read(search: ReportSearch, name: str, value: str, in_address: bool) -> ReportSearch:
    query = search.query
    if name == "_format":
        check_format(value)
        return search
    if name == "_count":
        return replace(search, count=min(_number(name, value), _LARGEST))
    if name == CURSOR:
        return replace(search, query=replace(query, before=before("fhir", value)))
    if name == "_id":
        if "," in value:
            raise InvalidSearch("_id takes one number")
        number = int(value) if _is_number(value) else None
        other = number is None or search.job not in (None, number)
        return replace(search, job=number, nothing=search.nothing or other)
    if name == "_include":
        if value != "DiagnosticReport:result":
            raise InvalidSearch("_include takes DiagnosticReport:result")
        return replace(search, include=True)
    if name == "status":
        asked = frozenset(value.split(","))
        if not asked <= _STATUSES:
            raise InvalidSearch(f"status is one of {', '.join(sorted(_STATUSES))}")
        left = search.statuses & asked if search.statuses else asked
        return replace(search, statuses=left, nothing=search.nothing or not left)
    if name == "identifier":
        uid = _uid(value)
        other = query.sop_instance_uid not in ("", uid)
        query = replace(query, sop_instance_uid=uid)
        return replace(search, query=query, nothing=search.nothing or other)
    if name in ("study", "study:identifier"):
        uid = _uid(value)
        other = query.study_instance_uid not in ("", uid)
        query = replace(query, study_instance_uid=uid)
        return replace(search, query=query, nothing=search.nothing or other)
    if name == "date":
        return replace(search, query=_by_day(query, value))
    if name == "issued":
        return replace(search, query=_by_moment(query, value))
    if _PERSON.fullmatch(name):
        if in_address:
            raise InvalidSearch(
                "what is part of a patient's identity stands in no address: POST to _search"
            )
        system, bar, identifier = value.rpartition("|")
        # The header names no system, and we make none up.
        identifier = identifier[:64]
        other = bool(bar and system) or query.patient_id not in ("", identifier)
        query = replace(query, patient_id=identifier)
        return replace(search, query=query, nothing=search.nothing or other or not identifier)
    raise InvalidSearch(f"{name[:40]!r} is no search parameter here; see /fhir/metadata")


def _uid(value: str) -> str:
    system, bar, text = value.rpartition("|")
    if bar and system not in ("", DICOM_UID):
        raise InvalidSearch(f"identifiers are of {DICOM_UID}")
    try:
        return check_uid(text.removeprefix("urn:oid:"))
    except InvalidUid as error:
        raise InvalidSearch(str(error)) from None


def _number(name: str, value: str) -> int:
    if not _is_number(value):
        raise InvalidSearch(f"{name} is a number")
    return int(value)


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and 0 < len(value) < 19


def _by_day(query: ResultQuery, value: str) -> ResultQuery:
    prefix, first, last, has_time = _interval(value)
    if has_time:
        raise InvalidSearch("date is a day, a month or a year")
    start, end = first.date(), (last - timedelta(days=1)).date()
    low, high = {
        "eq": (start, end),
        "ge": (start, None),
        "gt": (end + timedelta(days=1), None),
        "le": (None, end),
        "lt": (None, start - timedelta(days=1)),
    }[prefix]
    return replace(
        query,
        first_date=max(query.first_date, _da(low)) if low else query.first_date,
        last_date=min(query.last_date or "99991231", _da(high)) if high else query.last_date,
    )


def _by_moment(query: ResultQuery, value: str) -> ResultQuery:
    prefix, first, last, _ = _interval(value)
    instant = timedelta(microseconds=1)
    low, high = {
        "eq": (first, last - instant),
        "ge": (first, None),
        "gt": (last, None),
        "le": (None, last - instant),
        "lt": (None, first - instant),
    }[prefix]
    return replace(
        query,
        first=max(query.first or low, low) if low else query.first,
        last=min(query.last or high, high) if high else query.last,
    )


def _interval(value: str) -> tuple[str, datetime, datetime, bool]:
    """Return the prefix, when it begins, when it is over, and whether a time of day is in it."""
    parts = _MOMENT.fullmatch(value)
    if parts is None:
        raise InvalidSearch("a date is 2026, 2026-01, 2026-01-31 or 2026-01-31T10:00:00Z")
    prefix, year, month, day, time = parts.groups()
    try:
        if time:
            at = datetime.fromisoformat(f"{year}-{month}-{day}{time}")
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            whole = time[1:].partition("Z")[0].partition("+")[0].partition("-")[0]
            fraction = whole.partition(".")[2]
            size = timedelta(minutes=1) if whole.count(":") == 1 else timedelta(seconds=1)
            if fraction:
                size = timedelta(seconds=1) / 10 ** len(fraction)
            return prefix or "eq", at, at + size, True
        first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        if day:
            days = 1
        elif month:
            days = calendar.monthrange(first.year, first.month)[1]
        else:
            days = 366 if calendar.isleap(first.year) else 365
        # One day to either side has to be there, too.
        if not 1 < first.year < 9999:
            raise InvalidSearch("a year is from 2 to 9998")
        return prefix or "eq", first, first + timedelta(days=days), False
    except (ValueError, OverflowError):
        raise InvalidSearch("there is no such day or time") from None


def _da(day: date) -> str:
    return day.isoformat().replace("-", "")
