"""How what was set aside differs from what is archived, as JSON.

There is no patient data in it unless values are asked for.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.difference import Difference, compare
from dicom_node.pixels.comparison import Outcome, PixelDifference, compare_pixels
from dicom_node.pixels.sameness import attributes_differ, doubt
from inference.domain.errors import UnreadableInstance
from inference.domain.incident import Incident, IncidentKind
from wetread.bootstrap import Stores
from wetread.incidents import bytes_of

NAMES = ("archived", "set aside")
_UNCOMPRESSED = frozenset(
    str(each)
    for each in (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
    )
)
_LISTED = 5  # numbers of frames in a sentence


def describe_difference(
    stores: Stores, incident: Incident, *, values: bool = False
) -> dict[str, Any]:
    """Return how what was set aside differs from what the archive holds under the same UID.

    `comparable` is False where there is nothing to compare, and `detail` says why. `same` is
    True where it is the same image, encoded otherwise.
    """
    try:
        files = files_of(stores, incident)
        found = files if isinstance(files, str) else compare(*files, values=values)
    except UnreadableInstance as error:
        found = str(error)
    if isinstance(found, str) or isinstance(files, str):
        return {
            "comparable": False,
            "same": False,
            "detail": found,
            "pixels": None,
            "pixel_detail": None,
            "pixel_difference": None,
            "transfer_syntaxes": None,
            "attributes": [],
        }
    pixels = _pixels(found, files)
    archived, aside = found.transfer_syntaxes
    same = pixels is not None and pixels.outcome is Outcome.SAME
    attributes = [each for each in found.attributes if not (same and each.is_pixel_data)]
    return {
        "comparable": True,
        "same": _is_same(found, pixels),
        "detail": _summary(found, pixels),
        "pixels": pixels.outcome.value if pixels else None,
        "pixel_detail": _of_pixels(found, pixels) if pixels else None,
        "pixel_difference": _counts(pixels) if pixels else None,
        "transfer_syntaxes": {"archived": archived, "set_aside": aside},
        "attributes": [
            {
                "path": list(each.path),
                "tag": each.tag,
                "keyword": each.keyword or None,
                "change": each.change.value,
                "archived": each.first,
                "set_aside": each.other,
            }
            for each in attributes
        ],
    }


def files_of(stores: Stores, incident: Incident) -> tuple[Path, Path] | str:
    """Return what is archived and what was set aside, or why there are not both."""
    if incident.kind is not IncidentKind.CONFLICT:
        return "it is not readable, so there is nothing to compare it with"
    aside = bytes_of(stores, incident)
    if aside is None:
        return "its bytes were removed"
    held = stores.index.find(incident.sop_instance_uid)
    archived = stores.archive.path(held.key) if held else None
    if archived is None or not archived.is_file():
        return "the archive holds no Instance of this UID any more"
    return archived, aside


def _pixels(found: Difference, files: tuple[Path, Path]) -> PixelDifference | None:
    if not found.has_pixels:
        return None
    return _decoded(*files) if found.pixels else PixelDifference(Outcome.SAME)


@lru_cache(maxsize=128)
def _decoded(archived: Path, aside: Path) -> PixelDifference:
    """A key never gets other bytes, so what was found once holds."""
    return compare_pixels(archived, aside, NAMES)


def _is_same(found: Difference, pixels: PixelDifference | None) -> bool:
    if attributes_differ(found):
        return False
    return pixels is None or (pixels.outcome is Outcome.SAME and not doubt(found, pixels))


def _counts(pixels: PixelDifference) -> dict[str, Any] | None:
    if pixels.outcome is not Outcome.DIFFER:
        return None
    return {
        "pixels": pixels.pixels,
        "of": pixels.total,
        "largest": pixels.largest,
        "frames": list(pixels.frames),
        "frames_differing": pixels.frames_differing,
        "frames_of": pixels.frame_count,
    }


def _of_pixels(found: Difference, pixels: PixelDifference) -> str:
    """Return what is to be said of pixels alone."""
    if pixels.outcome is Outcome.NOT_COMPARABLE:
        return pixels.why
    if pixels.outcome is Outcome.SAME:
        return _otherwise(found) or "same to the byte"
    by = "" if pixels.largest is None else f", by {pixels.largest:,} at most"
    where = ""
    if pixels.frame_count > 1:
        some = ", ".join(map(str, pixels.frames[:_LISTED]))
        more = ", …" if pixels.frames_differing > _LISTED else ""
        where = f", in {pixels.frames_differing} of {pixels.frame_count} frames ({some}{more})"
    return f"{pixels.pixels:,} of {pixels.total:,}{by}{where}"


def _otherwise(found: Difference) -> str:
    if not any(each.is_pixel_data for each in found.attributes):
        return ""
    is_compressed = not set(found.transfer_syntaxes) <= _UNCOMPRESSED
    return "compressed otherwise" if is_compressed else "written otherwise"


def _summary(found: Difference, pixels: PixelDifference | None) -> str:
    count = sum(not each.is_pixel_data for each in found.attributes)
    outcome = pixels.outcome if pixels else None
    otherwise = _otherwise(found)
    told = _of_pixels(found, pixels) if pixels else ""
    if not count:
        if outcome is Outcome.DIFFER:
            return f"every other attribute is the same, but pixels differ: {told}"
        if outcome is Outcome.NOT_COMPARABLE:
            return f"every other attribute is the same; the pixels cannot be compared: {told}"
        if otherwise:
            but = doubt(found, pixels) if pixels else ""
            same = f"every attribute is the same; the pixels are, too, and were {otherwise}"
            return same + (but and f"; but {but}")
        return "every attribute is the same; only how they are encoded differs"
    attributes = f"{count} attribute differs" if count == 1 else f"{count} attributes differ"
    if outcome is Outcome.DIFFER:
        return f"{attributes}, and so do pixels: {told}"
    if outcome is Outcome.NOT_COMPARABLE:
        return f"{attributes}; the pixels cannot be compared: {told}"
    if outcome is Outcome.SAME:
        return f"{attributes}; the pixels are the same" + (otherwise and f", {otherwise}")
    return attributes
