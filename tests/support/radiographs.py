"""Radiographs that tests make: real DICOM, synthetic pixels, no patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

PATIENT_NAME = "Quillfeather^Ottoline"
PATIENT_ID = "PID-QF-7291"


def radiograph(
    path: Path,
    *,
    study: str | None = None,
    series: str | None = None,
    instance: str | None = None,
    seed: int = 0,
    shape: tuple[int, int] = (256, 224),
    **attributes: Any,
) -> Dataset:
    """Write a CR Instance of a child's chest to `path` and return its data set.

    `attributes` are set last, by keyword; None removes one.
    """
    rows, columns = shape
    generator = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    lungs = np.exp(-(((np.abs(across) - 0.42) / 0.24) ** 2) - (down / 0.62) ** 2)
    pixels = 3000 - 2200 * lungs + generator.normal(0, 60, shape)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.SOPInstanceUID = instance or generate_uid()
    ds.SeriesInstanceUID = series or generate_uid()
    ds.StudyInstanceUID = study or generate_uid()
    ds.PatientName = PATIENT_NAME
    ds.PatientID = PATIENT_ID
    ds.PatientBirthDate = "20200110"
    ds.PatientSex = "F"
    ds.PatientAge = "004Y"
    ds.StudyDate = "20240301"
    ds.StudyTime = "101500"
    ds.StudyID = "1"
    ds.AccessionNumber = "ACC1"
    ds.ReferringPhysicianName = ""
    ds.Modality = "CR"
    ds.Manufacturer = "Test"
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = "AP"
    ds.PatientOrientation = ["L", "F"]
    ds.Laterality = ""
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.WindowCenter, ds.WindowWidth = "2000", "3000"
    ds.PixelData = np.clip(pixels, 0, 4095).astype("<u2").tobytes()
    for keyword, value in attributes.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)
    return ds
