"""By what the worklist is searched (PS3.4 Table CC.2.5-3, column Match Key Type)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from fnmatch import fnmatchcase
from itertools import groupby

from inference.domain import workitem as ups
from inference.domain.matching import AnyOf, Between, Empty, Like, Match, folded
from inference.domain.workitem import DataSet, Workitem, values

LONGEST_KEY = 256  # characters that are compared
_FURTHEST_OFFSET = timedelta(hours=14)  # PS3.5 Section 6.2, DT
_DATE_TIME = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?)?)?)?"
    r"([+-]\d{4})?"
)


class KeyKind(StrEnum):
    """How values are compared."""

    TEXT = "text"  # to the letter
    NAME = "name"  # PN: without case and accents, each group for itself
    DATE = "date"  # DA
    DATE_TIME = "date and time"  # DT
    UID = "uid"


_TEXT, _UID, _DT = KeyKind.TEXT, KeyKind.UID, KeyKind.DATE_TIME
_CODE = ("CodeValue", ups.CODE_VALUE)
_LONG_CODE = ("LongCodeValue", ups.LONG_CODE_VALUE)
_SCHEME = ("CodingSchemeDesignator", ups.CODING_SCHEME)
_WORKITEM = ("ScheduledWorkitemCodeSequence", ups.WORKITEM_CODE)
_STATION = ("ScheduledStationNameCodeSequence", ups.STATIONS)
_CLASS = ("ScheduledStationClassCodeSequence", "00404026")
_PLACE = ("ScheduledStationGeographicLocationCodeSequence", "00404027")
_HUMAN = ("ScheduledHumanPerformersSequence", ups.HUMANS)
_HUMAN_CODE = ("HumanPerformerCodeSequence", "00404009")
_REQUEST = ("ReferencedRequestSequence", ups.REQUESTS)
_REPLACED = ("ReplacedProcedureStepSequence", "00741224")
_STUDY = ("StudyInstanceUID", ups.STUDY_UID)


class Key(Enum):
    """An attribute that can be matched: how it is compared, and the path to it."""

    SOP_CLASS = (_UID, ("SOPClassUID", ups.SOP_CLASS_UID))
    SOP_INSTANCE = (_UID, ("SOPInstanceUID", ups.SOP_INSTANCE_UID))
    STATE = (_TEXT, ("ProcedureStepState", ups.STATE))
    PRIORITY = (_TEXT, ("ScheduledProcedureStepPriority", ups.PRIORITY))
    LABEL = (_TEXT, ("ProcedureStepLabel", ups.LABEL))
    WORKLIST = (_TEXT, ("WorklistLabel", ups.WORKLIST_LABEL))
    START = (_DT, ("ScheduledProcedureStepStartDateTime", ups.START))
    MODIFIED = (_DT, ("ScheduledProcedureStepModificationDateTime", ups.MODIFIED))
    EXPECTED = (_DT, ("ExpectedCompletionDateTime", "00404011"))
    READINESS = (_TEXT, ("InputReadinessState", ups.READINESS))
    WORKITEM_CODE = (_TEXT, _WORKITEM, _CODE)
    WORKITEM_LONG_CODE = (_TEXT, _WORKITEM, _LONG_CODE)
    WORKITEM_SCHEME = (_TEXT, _WORKITEM, _SCHEME)
    STATION_CODE = (_TEXT, _STATION, _CODE)
    STATION_SCHEME = (_TEXT, _STATION, _SCHEME)
    CLASS_CODE = (_TEXT, _CLASS, _CODE)
    CLASS_SCHEME = (_TEXT, _CLASS, _SCHEME)
    PLACE_CODE = (_TEXT, _PLACE, _CODE)
    PLACE_SCHEME = (_TEXT, _PLACE, _SCHEME)
    HUMAN_CODE = (_TEXT, _HUMAN, _HUMAN_CODE, _CODE)
    HUMAN_SCHEME = (_TEXT, _HUMAN, _HUMAN_CODE, _SCHEME)
    STUDY = (_UID, _STUDY)
    PATIENT_NAME = (KeyKind.NAME, ("PatientName", ups.PATIENT_NAME))
    PATIENT_ID = (_TEXT, ("PatientID", ups.PATIENT_ID))
    ISSUER_OF_PATIENT_ID = (_TEXT, ("IssuerOfPatientID", "00100021"))
    BIRTH_DATE = (KeyKind.DATE, ("PatientBirthDate", ups.PATIENT_BIRTH_DATE))
    SEX = (_TEXT, ("PatientSex", ups.PATIENT_SEX))
    ADMISSION = (_TEXT, ("AdmissionID", "00380010"))
    REQUEST_STUDY = (_UID, _REQUEST, _STUDY)
    ACCESSION = (_TEXT, _REQUEST, ("AccessionNumber", ups.ACCESSION_NUMBER))
    REQUESTED_PROCEDURE = (_TEXT, _REQUEST, ("RequestedProcedureID", ups.REQUESTED_PROCEDURE_ID))
    REPLACED = (_UID, _REPLACED, ("ReferencedSOPInstanceUID", ups.REFERENCED_SOP_INSTANCE))

    def __init__(self, kind: KeyKind, *steps: tuple[str, str]) -> None:
        self.kind = kind
        self.path = ".".join(keyword for keyword, _ in steps)
        self.tags = tuple(tag for _, tag in steps)

    def keys(self, value: str) -> tuple[str, ...]:
        """Return what a value is compared by; a name may have several groups."""
        if self.kind is KeyKind.NAME:
            groups = tuple(folded(each) for each in value.split("="))
            return tuple(dict.fromkeys(each for each in groups if each))
        if self.kind is KeyKind.DATE_TIME:
            value = date_time_key(value) or ""
        return (value[:LONGEST_KEY],) if value else ()


@dataclass(frozen=True, slots=True)
class KeyValue:
    """`item` is the position within the outermost sequence: its keys are matched together."""

    key: Key
    item: int
    value: str


@dataclass(frozen=True, slots=True)
class KeyCondition:
    key: Key
    match: Match


@dataclass(frozen=True, slots=True)
class WorkitemSearch:
    """Every condition holds; the oldest workitem comes first."""

    conditions: tuple[KeyCondition, ...] = ()
    limit: int = 100
    offset: int = 0

    def following(self, limit: int) -> WorkitemSearch:
        """Return the search for what comes after this one's page."""
        return replace(self, limit=limit, offset=self.offset + self.limit)


def keys_of(item: Workitem) -> tuple[KeyValue, ...]:
    """Return by what `item` is found, each once."""
    data = item.complete
    return tuple(dict.fromkeys(_keys(data)))


def _keys(data: DataSet) -> Iterator[KeyValue]:
    for key in Key:
        first, *further = key.tags
        for position, value in enumerate(values(data, first)):
            found = values(value or {}, *further) if further else (value,)
            for each in found:
                for text in key.keys(_plain(each)):
                    yield KeyValue(key, position if further else 0, text)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        groups = (value.get(each) for each in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(str(each or "") for each in groups)
    return "" if value is None else str(value)


def grouped(conditions: tuple[KeyCondition, ...]) -> tuple[tuple[KeyCondition, ...], ...]:
    """Return the conditions that one item has to fulfil together (PS3.4 Section C.2.2.2.6)."""

    def sequence(condition: KeyCondition) -> str:
        return condition.key.path if len(condition.key.tags) == 1 else condition.key.tags[0]

    ordered = sorted(conditions, key=sequence)
    return tuple(tuple(group) for _, group in groupby(ordered, sequence))


def matches(item: Workitem, conditions: tuple[KeyCondition, ...]) -> bool:
    """Does `item` fulfil all of them?"""
    keys = keys_of(item)
    for group in grouped(conditions):
        sought = {each.key for each in group}
        positions = {each.item for each in keys if each.key in sought} | {-1}
        if not any(
            all(_holds(keys, condition, position) for condition in group) for position in positions
        ):
            return False
    return True


def _holds(keys: tuple[KeyValue, ...], condition: KeyCondition, position: int) -> bool:
    match = condition.match
    if isinstance(match, Empty):
        return all(each.key is not condition.key for each in keys)
    found = (each.value for each in keys if each.key is condition.key and each.item == position)
    return any(_fits(match, value) for value in found)


def _fits(match: Match, value: str) -> bool:
    if isinstance(match, AnyOf):
        return value in match.values
    if isinstance(match, Like):
        return fnmatchcase(value, match.pattern.replace("[", "[[]"))
    assert isinstance(match, Between)
    return (not match.first or value >= match.first) and (not match.last or value <= match.last)


def date_time_key(value: str) -> str | None:
    """Return the start of what a DT names, in UTC; None for what is no DT.

    A time without an offset is taken for UTC.
    """
    return _date_time(value, last=False)


def last_date_time_key(value: str) -> str | None:
    """Return the end of what a DT names: 2026 is the year up to 20261231235959.999999."""
    return _date_time(value, last=True)


def _date_time(value: str, *, last: bool) -> str | None:
    parts = _DATE_TIME.fullmatch(value.strip())
    if parts is None or not value.isascii():
        return None
    year, month, day, hour, minute, second, fraction, offset = parts.groups()
    try:
        at = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),
            int((fraction or "0").ljust(6, "0")),
        )
        if last:
            at = _end(at, month, day, hour, minute, second, fraction)
        if offset:
            ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
            if ahead > _FURTHEST_OFFSET:
                return None
            at = at - ahead if offset[0] == "+" else at + ahead
    except (ValueError, OverflowError):
        return None
    return at.replace(tzinfo=UTC).strftime("%Y%m%d%H%M%S.%f").rjust(21, "0")


def _end(at: datetime, *named: str | None) -> datetime:
    """Return the last moment of the year, month, day, hour, minute or second that `at` begins."""
    month, day, hour, minute, second, fraction = named
    moment = timedelta(microseconds=1)
    if month is None:
        return at.replace(year=at.year + 1) - moment
    if day is None:
        following = at.replace(day=28) + timedelta(days=4)
        return following.replace(day=1) - moment
    if fraction is not None:
        return at
    lengths = ((hour, timedelta(days=1)), (minute, timedelta(hours=1)))
    for part, length in (*lengths, (second, timedelta(minutes=1))):
        if part is None:
            return at + length - moment
    return at + timedelta(seconds=1) - moment
