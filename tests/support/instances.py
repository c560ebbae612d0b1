"""Small Instances of chosen identity, made from one of pydicom-data."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

PATIENT = "WETREAD^PATIENT"


def make_instance(
    source: Path,
    target: Path,
    *,
    study: str = "",
    series: str = "",
    sop_instance: str = "",
    **attributes: object,
) -> pydicom.Dataset:
    """Write `source` to `target` with other UIDs (new ones where none is given)."""
    instance = pydicom.dcmread(source)
    instance.StudyInstanceUID = study or generate_uid()
    instance.SeriesInstanceUID = series or generate_uid()
    instance.SOPInstanceUID = sop_instance or generate_uid()
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.PatientName = PATIENT
    for keyword, value in attributes.items():
        setattr(instance, keyword, value)
    instance.save_as(target)
    return instance
