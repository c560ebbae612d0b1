"""Regions: where in an image a Finding lies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.domain.finding import Region

_LEVEL = 0.5  # of the heat map's maximum; the usual cut for class activation maps (Zhou 2016)
_MAXIMUM_POINTS = 64


def whole_image(rows: int, columns: int) -> Region:
    """Return the outline of an image: what was assessed when nothing stands out."""
    right, bottom = float(columns - 1), float(rows - 1)
    return Region(((0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)), whole_image=True)


def hottest(heat_map: NDArray[np.float32]) -> Region:
    """Return the outline of the largest connected area above half of the maximum.

    `heat_map`: (rows, columns), 0 to 1. A flat map gives the outline of the image.
    """
    rows, columns = heat_map.shape
    peak = float(heat_map.max(initial=0.0))
    if peak <= 0.0 or float(heat_map.min()) >= _LEVEL * peak:
        return whole_image(rows, columns)
    mask = (heat_map >= _LEVEL * peak).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    tolerance = 0.002 * max(rows, columns)  # pixels
    outline = cv2.approxPolyDP(contour, tolerance, closed=True)
    while len(outline) > _MAXIMUM_POINTS:
        tolerance *= 1.5
        outline = cv2.approxPolyDP(contour, tolerance, closed=True)
    if len(outline) < 3:
        left, top, width, height = cv2.boundingRect(contour)
        right, bottom = float(left + width - 1), float(top + height - 1)
        return Region(((left, top), (right, top), (right, bottom), (left, bottom)))
    return Region(tuple((float(column), float(row)) for column, row in outline[:, 0, :]))
