"""The PixelReader: a frame of a Part 10 file as a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from dicom_node.pixels.frame import Frame, ignored_warnings, read_frame
from dicom_node.pixels.grayscale import grayscale
from dicom_node.pixels.levels import Levels
from dicom_node.pixels.place import plane, spacing_mm
from inference.domain.errors import UnreadablePixels
from inference.ports import Picture

_LUMINANCE = np.array((0.299, 0.587, 0.114))  # of R, G, B; as in YBR_FULL, PS3.3 C.7.6.3.1.2


class DicomPixelReader:
    """Implements `inference.ports.PixelReader`."""

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        """Raises `CodecMissing` or `UnreadablePixels`. A window is not for colour images."""
        decoded = read_frame(part10, frame)
        try:
            with ignored_warnings():
                return replace(
                    _picture(decoded, frame, window),
                    spacing_mm=spacing_mm(decoded.header, frame),
                    plane=plane(decoded.header, frame),
                )
        except UnreadablePixels:
            raise
        except Exception as error:
            # The boundary to a header that may hold anything.
            raise UnreadablePixels(
                f"the header does not fit its pixels: {type(error).__name__}"
            ) from error


def _picture(decoded: Frame, frame: int, window: tuple[float, float] | None) -> Picture:
    header, values = decoded.header, decoded.values
    if values.ndim == 3 and values.shape[-1] in (3, 4):
        return Picture(_luminance(values[..., :3], _maximum(header, values)))
    if values.ndim != 2:
        raise UnreadablePixels(f"pixels of {values.ndim} dimensions")
    if str(header.get("PhotometricInterpretation")) == "PALETTE COLOR":
        colours = apply_color_lut(values, little_endian_palette(header))
        return Picture(_luminance(colours[..., :3], float(np.iinfo(colours.dtype).max)))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnreadablePixels("pixels that are not numbers")
    padding = padding_mask(header, values)
    levels = Levels(values, padding)
    shown = levels.image(grayscale(header, levels, frame, window).astype(np.float32))
    if padding is not None:
        shown[padding] = 0.0
    return Picture(shown, padding)


def little_endian_palette(header: Dataset) -> Dataset:
    """Return `header` as `apply_color_lut` takes it, which never looks at the byte order."""
    if header.original_encoding[1] is not False:
        return header
    palette = header.group_dataset(0x0028)
    for element in palette:
        if "Palette" in element.keyword and isinstance(element.value, bytes):
            words = np.frombuffer(element.value[: len(element.value) & ~1], dtype=">u2")
            element.value = words.astype("<u2").tobytes()
    return palette


def _luminance(colours: NDArray[Any], maximum: float) -> NDArray[np.float32]:
    luminance = colours.astype(np.float64) @ _LUMINANCE / maximum
    return np.asarray(np.clip(luminance, 0.0, 1.0), dtype=np.float32)


def _maximum(header: Dataset, values: NDArray[Any]) -> float:
    stored = int(header.get("BitsStored") or 8 * values.dtype.itemsize)
    return float((1 << stored) - 1)


def padding_mask(header: Dataset, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where padding stands: Pixel Padding Value, or up to its Range Limit, inclusive.

    PS3.3 C.7.5.1.1.2. Both are values as stored, before any LUT.
    """
    value = header.get("PixelPaddingValue")
    if value in (None, "") or values.dtype.kind not in "iu":
        return None
    limit = header.get("PixelPaddingRangeLimit")
    first = _as_stored(int(value), header)
    last = first if limit in (None, "") else _as_stored(int(limit), header)
    mask = (values >= min(first, last)) & (values <= max(first, last))
    return mask if mask.any() else None


def _as_stored(value: int, header: Dataset) -> int:
    """Read `value` with the bits and the sign of the pixels: its VR may be US for signed ones."""
    bits = int(header.get("BitsStored") or 16)
    value &= (1 << bits) - 1
    signed = header.get("PixelRepresentation") == 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value
