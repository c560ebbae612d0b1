"""What lies in a folder of DICOM files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from dicom_node.archive import describe
from inference.domain.errors import InputError, UnreadableInstance
from wetread.api.table import Table, table

_LONGEST = 64  # characters of a value that are shown


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's header says, as the node reads it. Of a file that is not DICOM, only
    `error`, a sentence.

    No name, identity or date of a patient is in it: notebooks are passed on. `rows` and
    `columns` are in pixels, 0 where there are none.
    """

    path: Path
    error: str = ""
    modality: str = ""
    body_part: str = ""
    view: str = ""
    sop_class: str = ""
    transfer_syntax: str = ""
    rows: int = 0
    columns: int = 0
    frames: int = 1
    age_years: float | None = None
    sex: str = ""
    manufacturer: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name


def describe_folder(folder: str | Path) -> list[Header]:
    """Return the header of every file in `folder` and below, by path."""
    found = Path(folder)
    if not found.is_dir():
        raise InputError(f"{found} is no folder")
    return [_header(path) for path in sorted(found.rglob("*")) if path.is_file()]


def tags(path: str | Path) -> Table:
    """Return tag, VR, keyword and value of every element in front of the pixels.

    Sequences are named with the number of their items. This shows what identifies a patient.
    """
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except pydicom.errors.InvalidDicomError as error:
        raise UnreadableInstance(f"{Path(path).name} is no DICOM file") from error
    return table(
        {
            "tag": str(each.tag),
            "VR": each.VR,
            "keyword": each.keyword or each.name,
            "value": _shown(each),
        }
        for each in header
    )


def _header(path: Path) -> Header:
    try:
        found = describe(path)
    except InputError as error:
        return Header(path, error=str(error))
    attributes = found.attributes
    return Header(
        path=path,
        modality=attributes.modality,
        body_part=attributes.body_part,
        view=attributes.view,
        sop_class=UID(found.sop_class_uid).name,
        transfer_syntax=UID(found.transfer_syntax_uid).name,
        rows=attributes.rows,
        columns=attributes.columns,
        frames=attributes.frames,
        age_years=attributes.patient_age_years,
        sex=attributes.patient_sex,
        manufacturer=attributes.manufacturer,
        study_instance_uid=found.study_instance_uid,
        series_instance_uid=found.series_instance_uid,
        sop_instance_uid=found.sop_instance_uid,
    )


def _shown(element: DataElement) -> str:
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value)} bytes"
    text = UID(element.value).name if element.VR == "UI" and element.VM == 1 else None
    text = text if text is not None else str(element.value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
