"""Pictures of a conflict: what is archived, what was set aside, and where their pixels differ.

What is burned in may name a patient.
"""

from __future__ import annotations

import io
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_node.dicomweb.picture import Rendering, Viewport, render
from dicom_node.pixels.comparison import check_frame, difference_of
from inference.domain.incident import Incident
from wetread.bootstrap import Stores
from wetread.differences import NAMES, files_of

_SIDE = 1024  # pixels of a picture's side, at most
_DIMMED = 0.45  # what is the same, beside what differs
_LEAST = 0.65  # of the colour, where the difference is smallest
_SPARSE = 0.05  # of the picture; fewer marks than that are widened, or nobody would see them
_COLOUR = (255, 176, 0)  # told from grey by those who see no red, too


class Side(StrEnum):
    """What there is a picture of."""

    ARCHIVED = "archived"
    SET_ASIDE = "set_aside"
    DIFFERENCE = "difference"


def picture_of(stores: Stores, incident: Incident, side: Side, frame: int) -> bytes | None:
    """Return a frame (one-based) as PNG, of at most 1,024 pixels each way.

    None where there are not both any more. Raises `UnreadablePixels`, `UnreadableInstance`.
    """
    files = files_of(stores, incident)
    if isinstance(files, str):
        return None
    archived, aside = files
    if side is not Side.DIFFERENCE:
        shown = aside if side is Side.SET_ASIDE else archived
        check_frame(shown)
        picture = render(shown, frame, Rendering())
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    else:
        by = difference_of(archived, aside, frame, _SIDE, NAMES)
        viewport = Viewport(by.shape[1], by.shape[0])
        beneath = render(archived, frame, Rendering(viewport=viewport))
        picture = _marked(beneath.resize((by.shape[1], by.shape[0])), by)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _marked(beneath: Image.Image, by: NDArray[np.float32]) -> Image.Image:
    """Return the picture, dimmed, with colour where there is a difference: more for more."""
    shown = np.asarray(beneath.convert("RGB"), dtype=np.float32) * _DIMMED
    finite = by[np.isfinite(by)]
    largest = float(finite.max()) if finite.size else 0.0
    share = np.clip(np.nan_to_num(by / (largest or 1.0), posinf=1.0), 0.0, 1.0)
    if 0 < np.count_nonzero(by) < _SPARSE * by.size:
        share = _widened(share, max(by.shape) // 200)
    weight = np.where(share > 0, _LEAST + (1 - _LEAST) * share, 0.0)[..., np.newaxis]
    mixed = shown * (1 - weight) + np.array(_COLOUR, dtype=np.float32) * weight
    return Image.fromarray(np.asarray(np.rint(mixed), dtype=np.uint8))


def _widened(share: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """Return the largest value within `by` pixels, up, down and sideways."""
    for axis in (0, 1):
        length = share.shape[axis]
        padded = np.pad(share, [(by, by) if each == axis else (0, 0) for each in (0, 1)])
        shifted = (padded.take(range(start, start + length), axis) for start in range(2 * by + 1))
        share = np.maximum.reduce(list(shifted))
    return share
