"""What a result takes over from its source: patient, study, and little more.

Nothing of the source is trusted. Each attribute is read on its own, and copied only if
its value is valid; the core's `Attributes` stand in for a file that cannot be read.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sr.coding import Code
from pydicom.uid import UID, SecondaryCaptureImageStorage

from inference.domain.instance import Instance
from inference.ports import Evidence
from structured_reports.space import Space, read_space
from structured_reports.valid import is_utc_offset, is_valid

# What a result shares with its source: Type 2 in every result, so that "" is written where
# the source has nothing (PS3.3 C.7.1.1 Patient, C.7.2.1 General Study).
_REQUIRED = {
    "PatientName": "PN",
    "PatientID": "LO",
    "PatientBirthDate": "DA",
    "PatientSex": "CS",
    "StudyDate": "DA",
    "StudyTime": "TM",
    "AccessionNumber": "SH",
    "ReferringPhysicianName": "PN",
    "StudyID": "SH",
}
# Optional ones, of the same modules and of C.7.2.2, Patient Study
_OPTIONAL = {
    "IssuerOfPatientID": "LO",
    "StudyDescription": "LO",
    "PatientAge": "AS",
}
# What made the source; highdicom says so in the Contributing Equipment Sequence.
_EQUIPMENT = {
    "Manufacturer": "LO",
    "ManufacturerModelName": "LO",
    "SoftwareVersions": "LO",
    "DeviceSerialNumber": "LO",
    "InstitutionName": "LO",
    "StationName": "SH",
}
_SEXES = frozenset({"M", "F", "O"})
_SIDES = frozenset({"R", "L"})


@dataclass(frozen=True, slots=True)
class Source:
    """A source Instance as a result may name and quote it. All values are valid."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str = ""
    rows: int = 0  # pixels
    columns: int = 0  # pixels
    frames: int = 1
    identity: Mapping[str, str] = field(default_factory=dict)
    equipment: Mapping[str, str] = field(default_factory=dict)
    laterality: str = ""
    orientation: tuple[str, str] | None = None
    procedure: Code | None = None
    utc_offset: str = ""
    number: int | None = None  # Instance Number
    space: Space | None = None  # of a single frame

    @property
    def is_image(self) -> bool:
        """Is this one of the standard's image SOP Classes (PS3.4 B.5)?"""
        return "Image Storage" in UID(self.sop_class_uid).name

    def stub(self) -> Dataset:
        """Return what highdicom needs in order to reference this Instance."""
        stub = Dataset()
        stub.SOPClassUID = self.sop_class_uid
        stub.SOPInstanceUID = self.sop_instance_uid
        stub.StudyInstanceUID = self.study_instance_uid
        stub.SeriesInstanceUID = self.series_instance_uid
        for keyword in _REQUIRED:
            setattr(stub, keyword, None)
        for keyword, value in self.equipment.items():
            setattr(stub, keyword, value)
        return stub

    def image_stub(self, *, placed: bool) -> Dataset:
        """Return what highdicom needs in order to make an image of this one's pixels.

        `placed`: with the plane in which it lies, else as an image of no place. highdicom
        looks the SOP Class up and knows no private one: see `name_classes`.
        """
        stub = self.stub()
        stub.SOPClassUID = SecondaryCaptureImageStorage
        stub.Rows, stub.Columns = self.rows, self.columns
        if placed and self.space is not None:
            self.space.write(stub)
        return stub

    def local(self, at: datetime) -> datetime:
        """Return `at` in the time zone in which the source's times are meant."""
        if not self.utc_offset:
            return at.astimezone()
        sign = -1 if self.utc_offset[0] == "-" else 1
        hours, minutes = int(self.utc_offset[1:3]), int(self.utc_offset[3:5])
        return at.astimezone(timezone(sign * timedelta(hours=hours, minutes=minutes)))


def read_source(evidence: Evidence) -> Source:
    """Read the header of `evidence`; a file that cannot be read is no error here."""
    instance = evidence.instance
    # pydicom warns of each odd value; there is nobody here to whom that is news.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = Dataset()
        with suppress(Exception):  # whatever a hostile file raises, the report is made
            header = pydicom.dcmread(evidence.part10, stop_before_pixels=True, force=True)
        return _from_header(header, instance)


def apply_identity(target: Dataset, source: Source) -> None:
    """Give `target` the patient and the study of `source`."""
    for keyword in _REQUIRED:
        setattr(target, keyword, source.identity.get(keyword, ""))
    for keyword in _OPTIONAL:
        if keyword in source.identity:
            setattr(target, keyword, source.identity[keyword])
    if source.utc_offset:
        target.TimezoneOffsetFromUTC = source.utc_offset


def name_classes(target: Dataset, sources: Sequence[Source]) -> None:
    """Set the true SOP Class wherever `target` references one of `sources`."""
    classes = {each.sop_instance_uid: each.sop_class_uid for each in sources}
    for element in target:
        if element.VR != "SQ":
            continue
        for item in element.value:
            uid = item.get("ReferencedSOPInstanceUID")
            if uid in classes:
                item.ReferencedSOPClassUID = classes[uid]
            name_classes(item, sources)


def _from_header(header: Dataset, instance: Instance) -> Source:
    attributes = instance.attributes
    known = {
        "PatientName": attributes.patient_name,
        "PatientID": attributes.patient_id,
        "PatientBirthDate": attributes.patient_birth_date,
        "PatientSex": attributes.patient_sex,
        "StudyDate": attributes.study_date,
        "StudyTime": attributes.study_time,
        "AccessionNumber": attributes.accession_number,
        "StudyID": attributes.study_id,
        "StudyDescription": attributes.study_description,
    }
    identity: dict[str, str] = {}
    for keyword, vr in (_REQUIRED | _OPTIONAL).items():
        value = _text(header, keyword) if len(header) else known.get(keyword, "")
        if is_valid(vr, value) and (keyword != "PatientSex" or value in _SEXES):
            identity[keyword] = value
    sides = (_text(header, "ImageLaterality"), _text(header, "Laterality"))
    offset = _text(header, "TimezoneOffsetFromUTC")
    description = instance.description
    number = _text(header, "InstanceNumber")
    return Source(
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid or SecondaryCaptureImageStorage,
        modality=attributes.modality,
        rows=attributes.rows,
        columns=attributes.columns,
        frames=attributes.frames,
        identity=identity,
        equipment={
            keyword: value
            for keyword, vr in _EQUIPMENT.items()
            if is_valid(vr, value := _text(header, keyword))
        },
        laterality=next((side for side in sides if side in _SIDES), ""),
        orientation=_orientation(header),
        procedure=_procedure(header),
        utc_offset=offset if is_utc_offset(offset) else "",
        number=int(number) if number.isascii() and number.isdecimal() else None,
        space=read_space(header) if attributes.frames <= 1 else None,
    )


def _value(data_set: Dataset, keyword: str) -> object:
    try:
        return data_set.get(keyword)
    except Exception:  # pydicom converts on access, and junk raises anything
        return None


def _text(data_set: Dataset, keyword: str) -> str:
    """Return the value as text, "" if there is none. Many values stay one invalid text."""
    value = _value(data_set, keyword)
    if value is None:
        return ""
    if isinstance(value, MultiValue):
        return "\\".join(str(each) for each in value)
    return str(value).strip(" \0")


def _orientation(header: Dataset) -> tuple[str, str] | None:
    """Return Patient Orientation (PS3.3 C.7.6.1.1.1) if it is one of a biped."""
    value = _value(header, "PatientOrientation")
    if not isinstance(value, MultiValue) or len(value) != 2:
        return None
    row, column = str(value[0]), str(value[1])
    valid = all(text and set(text) <= set("LRAPHF") and len(text) <= 3 for text in (row, column))
    return (row, column) if valid else None


def _procedure(header: Dataset) -> Code | None:
    """Return the first item of Procedure Code Sequence if it is complete (PS3.3 8.8)."""
    items = _value(header, "ProcedureCodeSequence")
    if not isinstance(items, pydicom.Sequence) or not len(items):
        return None
    value, scheme, meaning = (
        _text(items[0], keyword)
        for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
    )
    if is_valid("SH", value) and is_valid("SH", scheme) and is_valid("LO", meaning):
        return Code(value, scheme, meaning)
    return None
