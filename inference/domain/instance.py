"""An Instance as the index knows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """Order of work; a higher number goes first. Names as in PS3.7 Section 9.3.1.1."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Source(StrEnum):
    """The way by which an Instance came in."""

    DIMSE = "dimse"
    ORTHANC = "orthanc"
    DICOMWEB = "dicomweb"
    UPLOAD = "upload"  # a person, on a page


@dataclass(frozen=True, slots=True)
class Origin:
    """Who handed an Instance over, how, and how urgent they said it was."""

    source: Source
    calling_ae: str = ""  # or the name of the Orthanc or DICOMweb peer
    called_ae: str = ""
    priority: Priority = Priority.MEDIUM


@dataclass(frozen=True, slots=True)
class Attributes:
    """What rules, gates, lists and searches need of the header; "" or None where it is absent."""

    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""  # DA
    patient_sex: str = ""
    patient_age_years: float | None = None  # from Patient's Age, else from birth and Study Date
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""  # DA
    study_time: str = ""  # TM
    study_description: str = ""
    referring_physician_name: str = ""
    timezone_offset: str = ""  # Timezone Offset From UTC, &ZZXX
    performed_date: str = ""  # DA, Performed Procedure Step Start Date
    performed_time: str = ""  # TM
    scheduled_step_id: str = ""  # of the first item of Request Attributes Sequence
    requested_procedure_id: str = ""  # the same
    series_description: str = ""
    series_number: int | None = None
    modality: str = ""
    # Body Part Examined, else the meaning of Anatomic Region Sequence, else what Series or
    # Study Description name; upper case
    body_part: str = ""
    view: str = ""  # View Position, upper case
    manufacturer: str = ""
    instance_number: int | None = None
    rows: int = 0  # pixels
    columns: int = 0  # pixels
    bits_allocated: int = 0
    frames: int = 1
    has_pixels: bool = False
    burned_in_annotation: bool | None = None  # YES or NO; None where the header does not say
    made_by_wetread: bool = False  # one of our own results, whichever node made it


@dataclass(frozen=True, slots=True)
class Description:
    """What one look at a Part 10 file tells: identity and header."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Instance:
    """One Instance that is safely held.

    `sha256` is over the data set alone, without preamble and File Meta Information, so
    that the same data set is recognised whichever way it came. `key` is the Archive's
    name for the Part 10 file; `size` is that file's, in bytes.
    """

    description: Description
    origin: Origin
    key: str
    sha256: str
    size: int

    @property
    def sop_instance_uid(self) -> str:
        return self.description.sop_instance_uid

    @property
    def series_instance_uid(self) -> str:
        return self.description.series_instance_uid

    @property
    def study_instance_uid(self) -> str:
        return self.description.study_instance_uid

    @property
    def attributes(self) -> Attributes:
        return self.description.attributes


class Receipt(StrEnum):
    """What became of an Instance that was handed in. All of them are promises kept on disk."""

    STORED = "stored"
    HELD_ALREADY = "held already"
    OWN_RESULT = "own result"  # this node's or another's
