"""Frames in a lossless transfer syntax that they were not kept in."""

from __future__ import annotations

from typing import Any

from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.part10 import Part10
from inference.domain.errors import UnreadablePixels

TARGETS = frozenset(str(uid) for uid in (RLELossless, JPEGLSLossless, JPEG2000Lossless))


def can_encode(target: str) -> bool:
    return target in TARGETS and get_encoder(target).is_available


def encoded(part10: Part10, frames: Frames, frame: int, target: str) -> bytes:
    """Return the codestream of a frame (one-based). Raises `UnreadablePixels`."""
    if frames.is_encapsulated and str(part10.syntax) == target:
        return frames.stored(frame)
    data = frames.uncompressed(frame)
    samples = part10.number("SamplesPerPixel", 1)
    planar = 0 if frames.is_encapsulated else part10.number("PlanarConfiguration")
    options: dict[str, Any] = {
        "rows": part10.number("Rows"),
        "columns": part10.number("Columns"),
        "samples_per_pixel": samples,
        "number_of_frames": 1,
        "bits_allocated": part10.number("BitsAllocated"),
        "bits_stored": part10.number("BitsStored", part10.number("BitsAllocated")),
        "pixel_representation": part10.number("PixelRepresentation"),
        "photometric_interpretation": frames.photometric,
        "pixel_keyword": "PixelData",
    }
    if samples > 1:
        options["planar_configuration"] = planar
    try:
        with ignored_warnings():
            return bytes(get_encoder(target).encode(data, **options))
    except Exception as error:
        # The boundary to foreign encoders.
        raise UnreadablePixels(
            f"frame {frame} cannot be encoded: {type(error).__name__}"
        ) from error
