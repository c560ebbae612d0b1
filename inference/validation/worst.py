"""The worst errors, as pictures that a report can carry."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.ports import Evidence
from inference.validation.record import Record

_SIDE = 256  # pixels, the longer side of a thumbnail
_QUALITY = 82  # of JPEG
_OPACITY = 0.6  # of the heat map where it is hottest


@dataclass(frozen=True, slots=True)
class Mistake:
    """A case on the wrong side of the threshold. `plain` and `heat` are data URIs of JPEGs,
    or "" where no picture could be made.
    """

    record: Record
    plain: str = field(default="", repr=False)
    heat: str = field(default="", repr=False)


def worst(records: Sequence[Record], threshold: float, count: int) -> list[Record]:
    """Return up to `count` missed and `count` falsely called cases, the most certain first."""
    scored = [(record.certainty, record) for record in records if record.certainty is not None]
    missed = [(score, record) for score, record in scored if record.positive and score < threshold]
    false = [
        (score, record) for score, record in scored if not record.positive and score >= threshold
    ]
    missed.sort(key=lambda each: (each[0], each[1].file))
    false.sort(key=lambda each: (-each[0], each[1].file))
    return [record for _, record in (*missed[:count], *false[:count])]


def picture_of(record: Record, evidence: Evidence) -> Mistake:
    if evidence.picture is None:
        return Mistake(record)
    grey = _small((np.clip(evidence.picture.pixels, 0.0, 1.0) * 255).astype(np.uint8))
    plain = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if evidence.heat_map is None:
        return Mistake(record, _data_uri(plain))
    rows, columns = grey.shape
    heat = cv2.resize(evidence.heat_map, (columns, rows), interpolation=cv2.INTER_AREA)
    colours = cv2.applyColorMap(
        (np.clip(heat, 0.0, 1.0) * 255).astype(np.uint8), cv2.COLORMAP_TURBO
    )
    share = (_OPACITY * np.clip(heat, 0.0, 1.0))[..., None]
    mixed = (1 - share) * plain + share * colours
    return Mistake(record, _data_uri(plain), _data_uri(mixed.astype(np.uint8)))


def _small(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / max(grey.shape)
    if scale >= 1:
        return grey
    rows, columns = (max(1, round(side * scale)) for side in grey.shape)
    result: NDArray[np.uint8] = np.asarray(
        cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )
    return result


def _data_uri(colours: NDArray[np.uint8]) -> str:
    _, coded = cv2.imencode(".jpg", colours, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
