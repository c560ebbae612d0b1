"""Where a frame lies in the patient, and how far apart its pixels are (PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

from dicom_node.pixels.grayscale import functional_group
from inference.domain.geometry import Plane

_UNIT = 0.01  # how far the length of a direction cosine may be from 1, and their product from 0


def spacing_mm(header: Dataset, frame: int) -> tuple[float, float] | None:
    """Return Pixel Spacing, between rows and between columns, or None.

    Imager Pixel Spacing is that of the detector, where the patient's is smaller.
    """
    group = functional_group(header, "PixelMeasuresSequence", frame)
    values = _numbers(group, "PixelSpacing", 2) or _numbers(header, "PixelSpacing", 2)
    if values is None or min(values) <= 0:
        return None
    return values[0], values[1]


def plane(header: Dataset, frame: int) -> Plane | None:
    """Return Image Position and Orientation (Patient), or None where either is not valid."""
    position = _numbers(
        functional_group(header, "PlanePositionSequence", frame), "ImagePositionPatient", 3
    ) or _numbers(header, "ImagePositionPatient", 3)
    cosines = _numbers(
        functional_group(header, "PlaneOrientationSequence", frame), "ImageOrientationPatient", 6
    ) or _numbers(header, "ImageOrientationPatient", 6)
    if position is None or cosines is None:
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    across = sum(a * b for a, b in zip(row, column, strict=True))
    if any(abs(each - 1) > _UNIT for each in lengths) or abs(across) > _UNIT:
        return None
    return Plane(_vector(position), _vector(row), _vector(column))


def _vector(values: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = values
    return x, y, z


def _numbers(source: Dataset | None, keyword: str, count: int) -> list[float] | None:
    value: Any = source.get(keyword) if source is not None else None
    try:
        numbers = [float(each) for each in value]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None
