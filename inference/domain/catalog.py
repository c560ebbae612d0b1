"""What is held, as it is searched: Studies, Series and Instances by their attributes.

The attributes are those of PS3.18 Tables 10.6.1-5 and 10.6.3-3 to -5, and the optional ones
that people ask for. What is not among them stands in the Part 10 files alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

from inference.domain.instance import Description
from inference.domain.matching import Match, date_key, folded, time_key


class Level(IntEnum):
    """PS3.4 Section C.6.2.1: patients have no level of their own."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


class Kind(StrEnum):
    """How values are compared."""

    TEXT = "text"  # to the letter
    NAME = "name"  # PN: without case and accents
    DATE = "date"  # DA
    TIME = "time"  # TM
    UID = "uid"
    NUMBER = "number"
    COMPUTED = "computed"  # from the levels below; never kept


class Field(Enum):
    """An attribute: its keyword (PS3.6), its level, and how it is compared."""

    STUDY_INSTANCE_UID = ("StudyInstanceUID", Level.STUDY, Kind.UID)
    STUDY_DATE = ("StudyDate", Level.STUDY, Kind.DATE)
    STUDY_TIME = ("StudyTime", Level.STUDY, Kind.TIME)
    ACCESSION_NUMBER = ("AccessionNumber", Level.STUDY, Kind.TEXT)
    REFERRING_PHYSICIAN_NAME = ("ReferringPhysicianName", Level.STUDY, Kind.NAME)
    PATIENT_NAME = ("PatientName", Level.STUDY, Kind.NAME)
    PATIENT_ID = ("PatientID", Level.STUDY, Kind.TEXT)
    PATIENT_BIRTH_DATE = ("PatientBirthDate", Level.STUDY, Kind.DATE)
    PATIENT_SEX = ("PatientSex", Level.STUDY, Kind.TEXT)
    STUDY_ID = ("StudyID", Level.STUDY, Kind.TEXT)
    STUDY_DESCRIPTION = ("StudyDescription", Level.STUDY, Kind.TEXT)
    TIMEZONE_OFFSET_FROM_UTC = ("TimezoneOffsetFromUTC", Level.STUDY, Kind.TEXT)
    MODALITIES_IN_STUDY = ("ModalitiesInStudy", Level.STUDY, Kind.COMPUTED)
    SOP_CLASSES_IN_STUDY = ("SOPClassesInStudy", Level.STUDY, Kind.COMPUTED)
    NUMBER_OF_STUDY_RELATED_SERIES = ("NumberOfStudyRelatedSeries", Level.STUDY, Kind.COMPUTED)
    NUMBER_OF_STUDY_RELATED_INSTANCES = (
        "NumberOfStudyRelatedInstances",
        Level.STUDY,
        Kind.COMPUTED,
    )
    SERIES_INSTANCE_UID = ("SeriesInstanceUID", Level.SERIES, Kind.UID)
    MODALITY = ("Modality", Level.SERIES, Kind.TEXT)
    SERIES_NUMBER = ("SeriesNumber", Level.SERIES, Kind.NUMBER)
    SERIES_DESCRIPTION = ("SeriesDescription", Level.SERIES, Kind.TEXT)
    MANUFACTURER = ("Manufacturer", Level.SERIES, Kind.TEXT)
    PERFORMED_PROCEDURE_STEP_START_DATE = (
        "PerformedProcedureStepStartDate",
        Level.SERIES,
        Kind.DATE,
    )
    PERFORMED_PROCEDURE_STEP_START_TIME = (
        "PerformedProcedureStepStartTime",
        Level.SERIES,
        Kind.TIME,
    )
    # Of the first item of Request Attributes Sequence (0040,0275)
    SCHEDULED_PROCEDURE_STEP_ID = ("ScheduledProcedureStepID", Level.SERIES, Kind.TEXT)
    REQUESTED_PROCEDURE_ID = ("RequestedProcedureID", Level.SERIES, Kind.TEXT)
    NUMBER_OF_SERIES_RELATED_INSTANCES = (
        "NumberOfSeriesRelatedInstances",
        Level.SERIES,
        Kind.COMPUTED,
    )
    SOP_INSTANCE_UID = ("SOPInstanceUID", Level.INSTANCE, Kind.UID)
    SOP_CLASS_UID = ("SOPClassUID", Level.INSTANCE, Kind.UID)
    AVAILABLE_TRANSFER_SYNTAX_UID = ("AvailableTransferSyntaxUID", Level.INSTANCE, Kind.UID)
    INSTANCE_NUMBER = ("InstanceNumber", Level.INSTANCE, Kind.NUMBER)
    ROWS = ("Rows", Level.INSTANCE, Kind.NUMBER)
    COLUMNS = ("Columns", Level.INSTANCE, Kind.NUMBER)
    BITS_ALLOCATED = ("BitsAllocated", Level.INSTANCE, Kind.NUMBER)
    NUMBER_OF_FRAMES = ("NumberOfFrames", Level.INSTANCE, Kind.NUMBER)

    def __init__(self, keyword: str, level: Level, kind: Kind) -> None:
        self.keyword = keyword
        self.level = level
        self.kind = kind

    @property
    def is_folded(self) -> bool:
        """Is it compared by a key, and not by its value?"""
        return self.kind in (Kind.NAME, Kind.DATE, Kind.TIME)

    def key(self, value: str) -> str:
        """Return what a value is compared by."""
        if self.kind is Kind.NAME:
            return folded(value)
        if self.kind is Kind.DATE:
            return date_key(value)
        return time_key(value) if self.kind is Kind.TIME else value


Value = str | int | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` has to match. With `time`, the keys of both are matched as one, date first."""

    field: Field
    match: Match
    time: Field | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, on one level. Every condition has to hold; none is of a lower level.

    Studies come the newest first, Series and Instances in the order in which they came.
    `after` is the number of the last entry of the page before; `offset` counts from there.
    """

    level: Level
    conditions: tuple[Condition, ...] = ()
    limit: int = 100
    offset: int = 0
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A Study, Series or Instance, with the values of its level and those above.

    `number` is never given again. `key` is the Archive's name for an Instance's Part 10 file.
    A value that the header lacks is left out.
    """

    level: Level
    number: int
    values: Mapping[Field, Value]
    key: str = ""

    def text(self, field: Field) -> str:
        value = self.values.get(field, "")
        return value if isinstance(value, str) else str(value)


def values_of(description: Description) -> Mapping[Field, Value]:
    """Return what is catalogued of an Instance, without what is computed."""
    of = description.attributes
    values: dict[Field, Value | None] = {
        Field.STUDY_INSTANCE_UID: description.study_instance_uid,
        Field.STUDY_DATE: of.study_date,
        Field.STUDY_TIME: of.study_time,
        Field.ACCESSION_NUMBER: of.accession_number,
        Field.REFERRING_PHYSICIAN_NAME: of.referring_physician_name,
        Field.PATIENT_NAME: of.patient_name,
        Field.PATIENT_ID: of.patient_id,
        Field.PATIENT_BIRTH_DATE: of.patient_birth_date,
        Field.PATIENT_SEX: of.patient_sex,
        Field.STUDY_ID: of.study_id,
        Field.STUDY_DESCRIPTION: of.study_description,
        Field.TIMEZONE_OFFSET_FROM_UTC: of.timezone_offset,
        Field.SERIES_INSTANCE_UID: description.series_instance_uid,
        Field.MODALITY: of.modality,
        Field.SERIES_NUMBER: of.series_number,
        Field.SERIES_DESCRIPTION: of.series_description,
        Field.MANUFACTURER: of.manufacturer,
        Field.PERFORMED_PROCEDURE_STEP_START_DATE: of.performed_date,
        Field.PERFORMED_PROCEDURE_STEP_START_TIME: of.performed_time,
        Field.SCHEDULED_PROCEDURE_STEP_ID: of.scheduled_step_id,
        Field.REQUESTED_PROCEDURE_ID: of.requested_procedure_id,
        Field.SOP_INSTANCE_UID: description.sop_instance_uid,
        Field.SOP_CLASS_UID: description.sop_class_uid,
        Field.AVAILABLE_TRANSFER_SYNTAX_UID: description.transfer_syntax_uid,
        Field.INSTANCE_NUMBER: of.instance_number,
        Field.ROWS: of.rows or None,
        Field.COLUMNS: of.columns or None,
        Field.BITS_ALLOCATED: of.bits_allocated or None,
        Field.NUMBER_OF_FRAMES: of.frames if of.frames > 1 else None,
    }
    return MappingProxyType(
        {field: value for field, value in values.items() if value not in (None, "")}
    )
