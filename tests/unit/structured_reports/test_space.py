"""Where a source lies, or does not."""

from __future__ import annotations

from dataclasses import replace

import pydicom
import pytest

from structured_reports.space import Space, is_stack, read_space, thickness_mm

AXIAL = Space("1.2.3", (0.0, 0.0, 10.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.8, 0.7), 2.5)


def _header(**changes: object) -> pydicom.Dataset:
    header = pydicom.Dataset()
    AXIAL.write(header)
    for keyword, value in changes.items():
        if value is None:
            delattr(header, keyword)
        else:
            setattr(header, keyword, value)
    return header


def test_what_is_written_is_read() -> None:
    assert read_space(_header()) == AXIAL
    assert read_space(_header(SliceThickness=None)) == replace(AXIAL, thickness_mm=0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"FrameOfReferenceUID": None},
        {"FrameOfReferenceUID": ""},
        {"FrameOfReferenceUID": "1"},
        {"ImagePositionPatient": None},
        {"ImagePositionPatient": [1, 2]},
        {"ImagePositionPatient": [1, 2, float("nan")]},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},  # parallel axes
        {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]},
        {"PixelSpacing": None},
        {"PixelSpacing": [0, 0]},  # as RG1 of pydicom-data has it
        {"PixelSpacing": [-1, 1]},
    ],
)
def test_half_a_place_is_none(changes: dict[str, object]) -> None:
    assert read_space(_header(**changes)) is None


def test_a_stack() -> None:
    upper = replace(AXIAL, position_mm=(0.0, 0.0, 12.5))
    assert is_stack([AXIAL, upper])
    assert not is_stack([])
    assert not is_stack([AXIAL, None])
    assert not is_stack([AXIAL, AXIAL])  # the same place twice
    assert not is_stack([AXIAL, replace(upper, frame_of_reference_uid="1.2.4")])
    assert not is_stack([AXIAL, replace(upper, spacing_mm=(0.8, 0.8))])
    tilted = replace(upper, cosines=(1.0, 0.0, 0.0, 0.0, 0.96, 0.28))
    assert not is_stack([AXIAL, tilted])


def test_a_slice_is_as_thick_as_said_or_as_far_as_the_next() -> None:
    thin = replace(AXIAL, thickness_mm=0.0)
    upper = replace(thin, position_mm=(0.0, 0.0, 13.0))
    assert thickness_mm([AXIAL, upper]) == 2.5
    assert thickness_mm([thin, upper]) == 3.0
    assert thickness_mm([thin]) == thickness_mm([None]) == 0.0
