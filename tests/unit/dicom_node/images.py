"""Small images with every trap, as Part 10 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian


def image(
    values: NDArray[Any],
    *,
    photometric: str = "MONOCHROME2",
    bits_stored: int | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
    frames: int = 1,
    **attributes: Any,
) -> FileDataset:
    """Make an image of `values`: (rows, columns[, 3]), with a frame axis if `frames` > 1."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4.5")
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.set_original_encoding(False, transfer_syntax != ExplicitVRBigEndian)
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID = "1.2.3"
    made.SeriesInstanceUID = "1.2.3.4"
    shape = values.shape[1:] if frames > 1 else values.shape
    made.Rows, made.Columns = shape[:2]
    made.SamplesPerPixel = 3 if len(shape) == 3 else 1
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation = photometric
    made.BitsAllocated = values.dtype.itemsize * 8
    made.BitsStored = bits_stored or made.BitsAllocated
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(values.dtype.kind == "i")
    if frames > 1:
        made.NumberOfFrames = frames
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    data = values.tobytes()
    made.add_new(
        0x7FE00010, "OB" if values.dtype.itemsize == 1 else "OW", data + b"\0" * (len(data) % 2)
    )
    return made


def item(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def save(made: FileDataset, path: Path) -> Path:
    made.save_as(path, enforce_file_format=True)
    return path


def ramp(bits: int = 12, side: int = 64, dtype: Any = np.uint16) -> NDArray[Any]:
    """Return every value from 0 to the maximum of `bits`, as evenly as `side` squared allows."""
    return np.linspace(0, (1 << bits) - 1, side * side).round().astype(dtype).reshape(side, side)
