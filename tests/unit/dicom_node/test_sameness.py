"""The same image, encoded otherwise: nothing less, since a sender is told Success for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.pixels import sameness
from dicom_node.pixels.sameness import DicomImageComparer
from inference.domain.incident import Comparison
from inference.ports import ImageComparer
from tests.contracts.comparer import ImageComparerContract, going_on
from tests.unit.dicom_node.images import image, item, ramp, save


class TestDicomImageComparer(ImageComparerContract):
    @pytest.fixture
    def comparer(self) -> ImageComparer:
        return DicomImageComparer()

    def write(self, path: Path, *, pixel: int = 0, encoded: bool = False) -> Path:
        values = ramp()
        values[5, 7] += pixel
        made = image(values, bits_stored=12)
        return save(rle(made) if encoded else made, path)

    def damaged(self, path: Path) -> Path:
        path = self.write(path, encoded=True)
        content = path.read_bytes()
        header = content.index((2).to_bytes(4, "little") + (64).to_bytes(4, "little"))
        path.write_bytes(content[:header] + b"\xff" * 8 + content[header + 8 :])
        return path


def rle(made: FileDataset) -> FileDataset:
    made.compress(RLELossless, generate_instance_uid=False)
    return made


def compared(tmp_path: Path, one: Any, other: Any) -> Comparison:
    files = save(one, tmp_path / "1"), save(other, tmp_path / "2")
    return DicomImageComparer().compare(*files, going_on)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_every_lossless_syntax_will_do(tmp_path: Path, syntax: str, dtype: Any) -> None:
    other = image(ramp(dtype=dtype))
    other.compress(syntax, generate_instance_uid=False)
    assert compared(tmp_path, image(ramp(dtype=dtype)), other) is Comparison.SAME


def test_all_frames_count(tmp_path: Path) -> None:
    values = np.stack([ramp()] * 3)
    one = image(values, frames=3)
    assert compared(tmp_path, one, rle(image(values, frames=3))) is Comparison.SAME
    values[2, 63, 63] -= 1
    assert compared(tmp_path, one, rle(image(values, frames=3))) is Comparison.DIFFERS


def test_a_data_set_without_pixels_is_the_same_where_only_its_encoding_differs(
    tmp_path: Path,
) -> None:
    made = []
    for syntax in (DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian):
        one = image(ramp(), ContentSequence=[item(TextValue="seen")])
        del one.PixelData
        one.file_meta.TransferSyntaxUID = syntax
        one.set_original_encoding(syntax == ImplicitVRLittleEndian, True)
        made.append(one)
    assert compared(tmp_path, *made) is Comparison.SAME


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientName": "Doe^Jane"},
        {"PatientName": ""},
        {"WindowWidth": "100"},
        {"AnatomicRegionSequence": [Dataset()]},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"BitsStored": 13},
    ],
)
def test_no_attribute_may_differ(tmp_path: Path, changes: dict[str, Any]) -> None:
    other = rle(image(ramp(), bits_stored=12))
    for keyword, value in changes.items():
        setattr(other, keyword, value)
    assert compared(tmp_path, image(ramp(), bits_stored=12), other) is Comparison.DIFFERS


def test_what_is_compressed_with_loss_is_left_to_a_person(tmp_path: Path) -> None:
    other = image(ramp())
    other.compress(JPEG2000Lossless, generate_instance_uid=False)
    other.file_meta.TransferSyntaxUID = JPEG2000
    assert compared(tmp_path, image(ramp()), other) is Comparison.FAILED


def test_an_overlay_in_bits_beside_the_pixels_is_left_to_a_person(tmp_path: Path) -> None:
    def with_overlay(values: Any) -> FileDataset:
        made = image(values, bits_stored=12)
        made.add_new(0x60000010, "US", 64)
        made.add_new(0x60000102, "US", 12)
        return made

    drawn = ramp()
    drawn[3, 3] |= 1 << 12
    one, other = with_overlay(ramp()), rle(with_overlay(drawn))
    assert compared(tmp_path, one, other) is Comparison.FAILED


def test_real_numbers_are_the_same_to_the_bit_or_not_at_all(tmp_path: Path) -> None:
    made = []
    for zero in (0.0, -0.0):
        one = image(np.zeros((8, 8), np.uint16))
        del one.PixelData, one.BitsStored, one.HighBit, one.PixelRepresentation
        one.BitsAllocated = 32
        one.FloatPixelData = np.full((8, 8), zero, np.float32).tobytes()
        made.append(one)
    assert compared(tmp_path, *made) is Comparison.FAILED


def test_pixels_of_two_kinds_are_not_half_compared(tmp_path: Path) -> None:
    made = []
    for number in (0, 1):
        one = image(np.full((8, 8), number, np.uint16))
        one.BitsAllocated = 32
        one.FloatPixelData = np.zeros((8, 8), np.float32).tobytes()
        made.append(one)
    assert compared(tmp_path, *made) is Comparison.FAILED


def test_what_is_too_large_is_left_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared_now() -> Comparison:
        return compared(tmp_path, image(ramp()), rle(image(ramp())))

    monkeypatch.setattr(sameness, "_MAX_FRAME", 64 * 64 * 2 - 1)
    assert compared_now() is Comparison.FAILED
    monkeypatch.setattr(sameness, "_MAX_FRAME", 64 * 64 * 2)
    assert compared_now() is Comparison.SAME
    for name in ("_MAX_FILE", "_MAX_COMPRESSED", "_MAX_HEADER"):
        with monkeypatch.context() as patch:
            patch.setattr(sameness, name, 64)
            assert compared_now() is Comparison.FAILED
    assert compared_now() is Comparison.SAME


def test_what_is_inflated_as_a_whole_is_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deflated = image(ramp(), transfer_syntax=DeflatedExplicitVRLittleEndian)
    assert compared(tmp_path, deflated, rle(image(ramp()))) is Comparison.SAME
    monkeypatch.setattr(sameness, "_MAX_INFLATED", 64 * 64 * 2 - 1)
    assert compared(tmp_path, deflated, rle(image(ramp()))) is Comparison.FAILED


def test_what_is_cut_off_is_left_to_a_person(tmp_path: Path) -> None:
    files = save(image(ramp()), tmp_path / "1"), save(image(ramp()), tmp_path / "2")
    files[1].write_bytes(files[1].read_bytes()[:-100])
    assert DicomImageComparer().compare(*files, going_on) is Comparison.FAILED
