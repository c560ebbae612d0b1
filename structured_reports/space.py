"""Where the pixels of a source lie in the patient (PS3.3 C.7.4.1, C.7.6.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from inference.domain.geometry import Vector
from structured_reports.valid import is_uid

_TOLERANCE = 1e-3  # of cosines: headers round them to a few digits


@dataclass(frozen=True, slots=True)
class Space:
    """The plane of a single frame.

    `position_mm`: Image Position (Patient). `cosines`: Image Orientation (Patient), that of
    the row first. `spacing_mm`: Pixel Spacing, between the centres of rows and of columns.
    `thickness_mm`: Slice Thickness, 0 where nobody says.
    """

    frame_of_reference_uid: str
    position_mm: Vector
    cosines: tuple[float, ...]
    spacing_mm: tuple[float, float]
    thickness_mm: float = 0.0

    def write(self, header: Dataset) -> None:
        """Set the attributes of an image that lies here."""
        header.FrameOfReferenceUID = self.frame_of_reference_uid
        header.ImagePositionPatient = list(self.position_mm)
        header.ImageOrientationPatient = list(self.cosines)
        header.PixelSpacing = list(self.spacing_mm)
        header.SliceThickness = self.thickness_mm or None

    @property
    def height_mm(self) -> float:
        """Return how far along its normal the plane lies."""
        a, b, c, x, y, z = self.cosines
        normal = (b * z - c * y, c * x - a * z, a * y - b * x)
        return sum(one * other for one, other in zip(normal, self.position_mm, strict=True))

    def is_parallel(self, other: Space) -> bool:
        """Do both lie in the same Frame of Reference, with the same axes and spacing?"""
        return self.frame_of_reference_uid == other.frame_of_reference_uid and all(
            abs(one - another) < _TOLERANCE
            for one, another in zip(
                (*self.cosines, *self.spacing_mm), (*other.cosines, *other.spacing_mm), strict=True
            )
        )


def is_stack(spaces: Sequence[Space | None]) -> bool:
    """Are these the slices of one stack, no two at the same place?"""
    known = [each for each in spaces if each is not None]
    if not known or len(known) != len(spaces):
        return False
    heights = sorted(each.height_mm for each in known)
    return all(known[0].is_parallel(each) for each in known) and all(
        upper - lower > _TOLERANCE for lower, upper in pairwise(heights)
    )


def thickness_mm(spaces: Sequence[Space | None]) -> float:
    """Return how thick slices of a stack are: as one says, else as far as they lie apart.

    0 where nobody knows.
    """
    known = [each for each in spaces if each is not None]
    said = next((each.thickness_mm for each in known if each.thickness_mm), 0.0)
    heights = sorted(each.height_mm for each in known)
    ways = [upper - lower for lower, upper in pairwise(heights)]
    return said or (round(median(ways), 6) if ways else 0.0)


def read_space(header: Dataset) -> Space | None:
    """Return the plane that `header` gives, None if any part of it is missing or wrong."""
    uid = str(_value(header, "FrameOfReferenceUID") or "")
    position = _numbers(header, "ImagePositionPatient", 3)
    cosines = _numbers(header, "ImageOrientationPatient", 6)
    spacing = _numbers(header, "PixelSpacing", 2)
    if not is_uid(uid) or position is None or cosines is None or spacing is None:
        return None
    row, column = cosines[:3], cosines[3:]
    if min(spacing) <= 0 or any(
        abs(_dot(one, other) - wanted) > _TOLERANCE
        for one, other, wanted in ((row, row, 1), (column, column, 1), (row, column, 0))
    ):
        return None
    thickness = _numbers(header, "SliceThickness", 1)
    return Space(
        uid,
        (position[0], position[1], position[2]),
        cosines,
        (spacing[0], spacing[1]),
        max(thickness[0], 0.0) if thickness else 0.0,
    )


def _numbers(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    value = _value(header, keyword)
    values = list(value) if isinstance(value, MultiValue) else [value]
    try:
        numbers = tuple(float(str(each)) for each in values)
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _value(header: Dataset, keyword: str) -> object:
    try:
        return header.get(keyword)
    except Exception:  # pydicom converts on access, and junk raises anything
        return None


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
