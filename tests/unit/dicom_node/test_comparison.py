"""Pixels are compared as they are decoded, frame by frame, within limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.pixels.comparison import Outcome, PixelDifference, compare_pixels, difference_of
from inference.domain.errors import UnreadablePixels
from tests.unit.dicom_node.images import image, ramp, save

MPEG4 = "1.2.840.10008.1.2.4.102"
NAMES = ("archived", "set aside")


def pair(tmp_path: Path, one: Any, two: Any) -> tuple[Path, Path]:
    return save(one, tmp_path / "1"), save(two, tmp_path / "2")


def compared(tmp_path: Path, one: Any, two: Any) -> PixelDifference:
    return compare_pixels(*pair(tmp_path, one, two), NAMES)


def compressed(made: Any, syntax: str) -> Any:
    made.compress(syntax, generate_instance_uid=False)
    return made


def colours() -> NDArray[np.uint8]:
    return np.stack([ramp(8, dtype=np.uint8), ramp(8, dtype=np.uint8).T, ramp(8)[::-1]], -1).astype(
        np.uint8
    )


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_what_is_compressed_without_loss_is_the_same(
    tmp_path: Path, syntax: str, dtype: Any
) -> None:
    values = ramp(8, dtype=dtype) - (np.array(100, dtype) if dtype is np.int16 else dtype(0))
    found = compared(tmp_path, image(values), compressed(image(values), syntax))
    assert (found.outcome, found.why, found.pixels) == (Outcome.SAME, "", 0)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_colours_are_the_same_by_plane_by_pixel_and_compressed(tmp_path: Path, syntax: str) -> None:
    values = colours()
    plain = image(values, photometric="RGB")
    planes = image(values, photometric="RGB")
    planes.PlanarConfiguration = 1
    planes.PixelData = np.moveaxis(values, -1, 0).tobytes()
    packed = compressed(image(values, photometric="RGB"), syntax)
    assert compared(tmp_path, plain, planes).outcome is Outcome.SAME
    assert compared(tmp_path, planes, packed).outcome is Outcome.SAME


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_byte_order_and_deflation_are_no_difference(tmp_path: Path, syntax: str) -> None:
    values = ramp()
    stored = values.astype(">u2") if syntax == ExplicitVRBigEndian else values
    other = image(stored, bits_stored=12, transfer_syntax=syntax)
    found = compared(tmp_path, image(values, bits_stored=12), other)
    assert found.outcome is Outcome.SAME


def test_bits_that_are_not_stored_are_no_pixels(tmp_path: Path) -> None:
    values = ramp()
    found = compared(
        tmp_path, image(values, bits_stored=12), image(values | 0x8000, bits_stored=12)
    )
    assert found.outcome is Outcome.SAME


def test_frames_of_bits(tmp_path: Path) -> None:
    """They follow each other without a gap (PS3.5 Section 8.1.1)."""

    def of_bits(frames: NDArray[np.uint8]) -> Any:
        made = image(np.zeros((3, 3, 3), np.uint8), frames=3)
        made.BitsAllocated = made.BitsStored = 1
        made.HighBit = 0
        packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
        made.PixelData = packed + b"\0" * (len(packed) % 2)
        return made

    frames = np.zeros((3, 3, 3), np.uint8)
    changed = frames.copy()
    changed[1, 2, 2] = 1
    found = compared(tmp_path, of_bits(frames), of_bits(changed))
    assert (found.pixels, found.total, found.frames) == (1, 27, (2,))


def test_how_many_differ_and_by_how_much(tmp_path: Path) -> None:
    values = ramp()
    changed = values.copy()
    changed[3, 5] += 7
    changed[60, 1] -= 20
    found = compared(tmp_path, image(values), compressed(image(changed), RLELossless))
    assert found == PixelDifference(
        Outcome.DIFFER,
        pixels=2,
        total=4096,
        largest=20,
        frames=(1,),
        frames_differing=1,
        frame_count=1,
    )


def test_a_pixel_counts_once_whichever_colours_differ(tmp_path: Path) -> None:
    changed = colours()
    changed[0, 0] ^= 1
    changed[1, 1, 2] ^= 8
    found = compared(
        tmp_path, image(colours(), photometric="RGB"), image(changed, photometric="RGB")
    )
    assert (found.pixels, found.total, found.largest) == (2, 4096, 8)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_frames_that_differ_are_named(tmp_path: Path, is_compressed: bool) -> None:
    values = np.stack([ramp()] * 120)
    changed = values.copy()
    changed[4:, 0, 0] += 1
    one, two = image(values, frames=120), image(changed, frames=120)
    if is_compressed:
        two = compressed(two, RLELossless)
    found = compared(tmp_path, one, two)
    assert (found.pixels, found.frames_differing, found.frame_count) == (116, 116, 120)
    assert found.frames == tuple(range(5, 105))


def test_frames_of_several_fragments_are_found_by_their_offsets(tmp_path: Path) -> None:
    values = np.stack([ramp(), ramp().T])
    made = compressed(image(values, frames=2), RLELossless)
    whole = image(values, frames=2)
    frames = list(generate_frames(made.PixelData, number_of_frames=2))
    made.PixelData = encapsulate(frames, fragments_per_frame=3)
    assert compared(tmp_path, whole, made).outcome is Outcome.SAME


def test_real_numbers(tmp_path: Path) -> None:
    def of_reals(values: NDArray[np.float32]) -> Any:
        made = image(np.zeros(values.shape, np.uint32))
        for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(made, keyword)
        made.FloatPixelData = values.tobytes()
        return made

    values = np.array([[0.5, np.nan], [2.0, 3.0]], np.float32)
    changed = values.copy()
    assert compared(tmp_path, of_reals(values), of_reals(changed)).outcome is Outcome.SAME
    changed[1, 1] = 3.25
    found = compared(tmp_path, of_reals(values), of_reals(changed))
    assert (found.pixels, found.largest) == (1, 0.25)
    changed[0, 0] = np.nan
    found = compared(tmp_path, of_reals(values), of_reals(changed))
    assert (found.pixels, found.largest) == (2, None)
    whole = compared(tmp_path, of_reals(values), image(np.zeros((2, 2), np.uint32)))
    assert whole.outcome is Outcome.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Rows": 32, "Columns": 128}, "Rows by Columns: 64 by 64 archived, 32 by 128 set aside"),
        ({"BitsStored": 12, "HighBit": 11}, "Bits Stored: 16 archived, 12 set aside"),
        ({"PixelRepresentation": 1}, "Pixel Representation: 0 archived, 1 set aside"),
        ({"NumberOfFrames": 2, "Rows": 32}, "Rows by Columns"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "Photometric Interpretation"),
        ({"PhotometricInterpretation": "DOE JANE"}, "Photometric Interpretation"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    other = image(ramp())
    for keyword, value in change.items():
        setattr(other, keyword, value)
    found = compared(tmp_path, image(ramp()), other)
    assert found.outcome is Outcome.NOT_COMPARABLE
    assert why in found.why
    assert "DOE" not in found.why
    assert found.pixels == 0


def test_other_numbers_of_frames(tmp_path: Path) -> None:
    values = np.stack([ramp()] * 3)
    found = compared(tmp_path, image(values, frames=3), image(values[:2], frames=2))
    assert found.why == "Number of Frames: 3 archived, 2 set aside"


def test_what_no_codec_reads_says_which_is_missing(tmp_path: Path) -> None:
    other = image(ramp())
    other.PixelData = encapsulate([b"\0" * 64])
    other.file_meta.TransferSyntaxUID = MPEG4
    other["PixelData"].VR = "OB"
    found = compared(tmp_path, image(ramp()), other)
    assert found.outcome is Outcome.NOT_COMPARABLE
    assert found.why.startswith("set aside: no ")
    assert MPEG4 in found.why


def test_a_header_whose_values_cannot_be_read(tmp_path: Path) -> None:
    one, two = pair(tmp_path, image(ramp()), image(ramp()))
    rows = b"\x28\0\x10\0US"  # Rows, and a VR that there is none of
    two.write_bytes(two.read_bytes().replace(rows, rows[:-2] + b"UM"))
    found = compare_pixels(one, two, NAMES)
    assert found.outcome is Outcome.NOT_COMPARABLE
    assert found.why.startswith("set aside: the header cannot be read")


@pytest.mark.parametrize("cut", [1, 100, 8000])
def test_pixels_that_are_cut_off(tmp_path: Path, cut: int) -> None:
    one, two = pair(tmp_path, image(ramp()), image(ramp()))
    two.write_bytes(two.read_bytes()[:-cut])
    found = compare_pixels(one, two, NAMES)
    assert found.outcome is Outcome.NOT_COMPARABLE
    assert found.why.startswith("set aside: ")


def test_a_compressed_frame_that_is_damaged(tmp_path: Path) -> None:
    other = compressed(image(ramp()), JPEG2000Lossless)
    other.PixelData = encapsulate([b"\xff\x4f\xff\x51" + b"\xff" * 200])
    found = compared(tmp_path, image(ramp()), other)
    assert found.outcome is Outcome.NOT_COMPARABLE


def test_frames_that_are_missing(tmp_path: Path) -> None:
    values = np.stack([ramp()] * 2)
    other = compressed(image(values, frames=2), RLELossless)
    other.NumberOfFrames = 3
    one = image(np.stack([ramp()] * 3), frames=3)
    found = compared(tmp_path, one, other)
    assert found.outcome is Outcome.NOT_COMPARABLE
    assert "set aside: frame" in found.why


def test_an_offset_table_that_names_the_same_bytes_again_and_again(tmp_path: Path) -> None:
    values = np.stack([ramp()] * 50)
    other = compressed(image(values[0]), RLELossless)
    other.NumberOfFrames = 50
    length = len(next(generate_frames(other.PixelData, number_of_frames=1)))
    other.ExtendedOffsetTable = np.zeros(50, "<u8").tobytes()
    other.ExtendedOffsetTableLengths = np.full(50, length, "<u8").tobytes()
    found = compared(tmp_path, image(values, frames=50), other)
    assert found.why.startswith("set aside: frame 2 ")


@pytest.mark.parametrize("limit", ["_MAX_FRAME", "_MAX_ALL", "_MAX_FRAMES"])
def test_more_than_can_be_held_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(f"dicom_node.pixels.comparison.{limit}", 1)
    values = np.stack([ramp()] * 2)
    found = compared(tmp_path, image(values, frames=2), image(values + 1, frames=2))
    assert found.why == "archived: there are more pixels than can be compared"


def test_decoding_is_given_up_where_it_takes_too_long(tmp_path: Path) -> None:
    values = np.stack([ramp()] * 3)
    one, two = pair(tmp_path, image(values, frames=3), image(values + 1, frames=3))
    moments = iter((0.0, 30.0, 59.0, 61.0))
    found = compare_pixels(one, two, monotonic=lambda: next(moments))
    assert found.why == "it takes longer than 60 seconds to decode them"
    moments = iter((0.0, 30.0, 59.0, 60.0))
    assert compare_pixels(one, two, monotonic=lambda: next(moments)).frames == (1, 2, 3)


def test_rows_are_compared_a_few_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_node.pixels.comparison._AT_ONCE", 64 * 5)
    changed = ramp() + (np.arange(64, dtype=np.uint16) % 2)
    one, two = pair(tmp_path, image(ramp()), image(changed))
    found = compare_pixels(one, two)
    assert (found.pixels, found.largest) == (2048, 1)
    assert np.array_equal(difference_of(one, two, 1, 64), changed - ramp())
    reduced = difference_of(one, two, 1, 10)
    assert reduced.shape == (10, 10)
    assert np.all(reduced == 1)


def test_one_pixel_that_differs_is_not_lost_where_a_picture_is_reduced(tmp_path: Path) -> None:
    values = np.stack([ramp(side=100)] * 2)
    changed = values.copy()
    changed[1, 99, 50] ^= 4
    one, two = pair(tmp_path, image(values, frames=2), image(changed, frames=2))
    reduced = difference_of(one, two, 2, 30)
    assert reduced.shape == (25, 25)
    assert [each.tolist() for each in np.nonzero(reduced)] == [[24], [12]]
    assert reduced.max() == 4
    assert not difference_of(one, two, 1, 30).any()
    with pytest.raises(UnreadablePixels, match="frame 3"):
        difference_of(one, two, 3, 30)
