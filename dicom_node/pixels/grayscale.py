"""From stored values to what should be looked at (PS3.4 Annex N.2, PS3.3 C.11).

A MONOCHROME1 image and its MONOCHROME2 copy (values v -> maximum - v, a linear window's
centre c -> maximum + 1 - c) have to give the same picture, so every step is either defined
by the standard or symmetric.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.pixels.levels import Levels
from dicom_node.pixels.lookup import lookup

_PERCENTILES = (0.5, 99.5)  # where neither a window nor a VOI LUT can be used
_CORE = (1.0, 99.0)  # percentiles between which the image's content lies
_LEAST_SHARE = 0.02  # of the window; less contrast than that is a window of another image


def grayscale(
    header: Dataset,
    levels: Levels,
    frame: int,
    window: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Return, of each level, 0 to 1, after Modality LUT, VOI LUT and Presentation LUT.

    `window`: the values after the Modality LUT that become 0 and 1, in place of the VOI LUT
    and, since they are physical ones, of the Presentation LUT.
    """
    values = modality_values(header, levels.values, frame)
    if window is not None:
        low, high = window
        return np.clip((values - low) / max(high - low, 1e-9), 0.0, 1.0)
    shown = _voi(header, values, levels, frame)
    if is_inverse(header):
        shown = 1.0 - shown
    return np.clip(shown, 0.0, 1.0)


def modality_values(
    header: Dataset, values: NDArray[np.float64], frame: int
) -> NDArray[np.float64]:
    item = _first(header.get("ModalityLUTSequence"))
    if item is not None:
        mapped = lookup(values, item, _is_signed(header))
        if mapped is not None:
            return mapped[0]
    source = functional_group(header, "PixelValueTransformationSequence", frame)
    if source is None or _real(source, "RescaleSlope") is None:
        source = header
    slope, intercept = _real(source, "RescaleSlope"), _real(source, "RescaleIntercept")
    # A slope of 0 would make every image uniform: it is nobody's intention.
    return values * (slope or 1.0) + (intercept or 0.0)


def _voi(
    header: Dataset, values: NDArray[np.float64], levels: Levels, frame: int
) -> NDArray[np.float64]:
    item = _first(header.get("VOILUTSequence"))
    if item is not None:
        signed = _is_signed(header) or levels.extremes(values)[0] < 0
        mapped = lookup(values, item, signed)
        if mapped is not None and np.ptp(levels.extremes(mapped[0])) > 0:
            return mapped[0] / mapped[1]
    group = functional_group(header, "FrameVOILUTSequence", frame)
    for source in (group, header):
        if source is not None:
            shown = _window(source, values, levels)
            if shown is not None:
                return shown
    low, high = levels.percentiles(values, _PERCENTILES)
    if not high > low:
        low, high = levels.extremes(values)
    if not high > low:
        return np.full(values.shape, 0.5)  # the same whichever way it is inverted
    return (values - low) / (high - low)


def _window(
    source: Dataset, values: NDArray[np.float64], levels: Levels
) -> NDArray[np.float64] | None:
    """Apply the first window (PS3.3 C.11.2.1.2); None if there is none that shows anything."""
    centre, width = _real(source, "WindowCenter"), _real(source, "WindowWidth")
    function = str(source.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0:
        return None
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)))
    if function != "LINEAR_EXACT":
        if width < 1:
            return None
        centre, width = centre - 0.5, max(width - 1.0, 1e-9)
    low, high = centre - width / 2, centre + width / 2
    first, last = levels.percentiles(values, _CORE)
    seen = min(last, high) - max(first, low)
    if seen < _LEAST_SHARE * min(width, max(last - first, 1e-9)) or (
        last - first < _LEAST_SHARE * width
    ):
        return None
    return (values - low) / width


def is_inverse(header: Dataset) -> bool:
    """MONOCHROME1 shows its minimum white (PS3.3 C.7.6.3.1.2).

    Presentation LUT Shape says INVERSE of the same fact (PS3.3 C.8.11.1), not a second time.
    """
    return (
        str(header.get("PhotometricInterpretation")) == "MONOCHROME1"
        or str(header.get("PresentationLUTShape")) == "INVERSE"
    )


def functional_group(header: Dataset, macro: str, frame: int) -> Dataset | None:
    """Return the macro's item for `frame` (one-based), else the shared one (PS3.3 C.7.6.16)."""
    frames = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for groups in (frames[frame - 1 : frame], shared[:1]):
        for group in groups:
            item = _first(group.get(macro))
            if item is not None:
                return item
    return None


def _first(sequence: Any) -> Dataset | None:
    return sequence[0] if sequence else None


def _is_signed(header: Dataset) -> bool:
    return bool(header.get("PixelRepresentation") == 1)


def _real(source: Dataset, keyword: str) -> float | None:
    """Return the first value as a finite number."""
    value = source.get(keyword)
    if value is None:
        return None
    try:
        number = float(value if isinstance(value, (str, int, float)) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None
