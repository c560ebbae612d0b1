"""Do two Part 10 files hold the same image, encoded otherwise?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.difference import Difference, compare
from dicom_node.pixels.comparison import Outcome, PixelDifference, compare_pixels
from inference.domain.errors import UnreadableInstance
from inference.domain.incident import Comparison

# Bytes. Nobody waits for it, and who receives images needs the memory.
_MAX_FILE = 1 << 30
_MAX_FRAME = 64 << 20  # decoded
_MAX_COMPRESSED = 128 << 20  # a file, of which one frame may have all
_MAX_INFLATED = 64 << 20  # a data set that is inflated as a whole
_MAX_HEADER = 32 << 20

_NATIVE = frozenset(  # read frame by frame, or bound otherwise
    (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    )
)


class DicomImageComparer:
    """`ImageComparer`. Decodes for a minute at most, and only where every attribute is the same."""

    def compare(self, archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        if max(each.stat().st_size for each in (archived, aside)) > _MAX_FILE:
            return Comparison.FAILED
        try:
            found = compare(archived, aside)
        except UnreadableInstance:
            return Comparison.FAILED
        if attributes_differ(found):
            return Comparison.DIFFERS
        if not found.pixels:
            return Comparison.SAME
        if _is_too_large(found, (archived, aside)):
            return Comparison.FAILED
        pixels = compare_pixels(archived, aside, largest_frame=_MAX_FRAME, stopping=stopping)
        if pixels.outcome is Outcome.DIFFER:
            return Comparison.DIFFERS
        if pixels.outcome is Outcome.NOT_COMPARABLE or doubt(found, pixels):
            return Comparison.FAILED
        return Comparison.SAME


def _is_too_large(found: Difference, files: tuple[Path, Path]) -> bool:
    for each, syntax in zip(files, found.transfer_syntaxes, strict=True):
        if syntax == DeflatedExplicitVRLittleEndian and found.length > _MAX_INFLATED:
            return True
        if syntax not in _NATIVE and each.stat().st_size > _MAX_COMPRESSED:
            return True
    return found.header_length > _MAX_HEADER


def attributes_differ(found: Difference) -> bool:
    """Does an attribute that is no part of how pixels are written?"""
    return not all(each.is_pixel_data for each in found.attributes)


def doubt(found: Difference, pixels: PixelDifference) -> str:
    """Return why pixels of the same values need not be the same image, "" where they are."""
    if pixels.outcome is Outcome.SAME and found.pixels and len(found.pixel_tags) > 1:
        return "there are pixels of two kinds, of which one was compared"
    return pixels.doubt
