"""A Part 10 file in another transfer syntax, value by value."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from dicom_node.pixels.part10 import open_part10
from dicom_node.pixels.transcode import transcoded
from tests.support.origin import part10_of, radiograph
from tests.unit.dicom_node.images import item, ramp


def made(root: Path, file: FileDataset, target: str) -> FileDataset:
    path = root / "held.dcm"
    path.write_bytes(part10_of(file))
    with open_part10(path) as part10:
        content = b"".join(transcoded(part10, target))
    read = dcmread(io.BytesIO(content))
    assert read.file_meta.TransferSyntaxUID == target
    return read


@pytest.mark.parametrize("target", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("held", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_is_not_compressed_changes_its_vr_alone(
    tmp_path: Path, held: str, bits: int, target: str
) -> None:
    values = np.arange(64, dtype=np.uint8 if bits == 8 else np.uint16).reshape(8, 8)
    file = radiograph(values=values, PatientName="Doe^Jane")
    file.file_meta.TransferSyntaxUID = held
    file.RequestAttributesSequence = [item(RequestedProcedureID="RP1")]
    file.add_new(0x00090010, "LO", "OURS")
    file.add_new(0x00091001, "UL", 7)
    again = made(tmp_path, file, target)
    assert (again.pixel_array == file.pixel_array).all()
    assert again.RequestAttributesSequence[0].RequestedProcedureID == "RP1"
    assert again.PatientName == "Doe^Jane"
    private = again[0x00091001].value
    assert private in (7, b"\x07\0\0\0")


@pytest.mark.parametrize("held", [RLELossless, JPEG2000Lossless])
def test_compressed_pixels_come_out_in_implicit_vr(tmp_path: Path, held: str) -> None:
    file = radiograph(values=ramp())
    before = file.pixel_array
    file.compress(held, generate_instance_uid=False)
    again = made(tmp_path, file, ImplicitVRLittleEndian)
    assert (again.pixel_array == before).all()


def test_big_endian_is_turned_round(tmp_path: Path) -> None:
    file = radiograph()
    before = file.pixel_array.copy()
    file.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    file.PixelData = before.astype(">u2" if file.BitsAllocated == 16 else "u1").tobytes()
    file.set_original_encoding(False, False)
    content = io.BytesIO()
    file.save_as(content, enforce_file_format=True)
    path = tmp_path / "big.dcm"
    path.write_bytes(content.getvalue())
    with open_part10(path) as part10:
        again = dcmread(io.BytesIO(b"".join(transcoded(part10, ImplicitVRLittleEndian))))
    assert (again.pixel_array == before).all()
    assert again.Rows == file.Rows
