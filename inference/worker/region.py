"""Regions: where in an image a Finding lies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.domain.finding import Region
from inference.ports import Box

_LEVEL = 0.5  # of the heat map's maximum; the usual cut for class activation maps (Zhou 2016)
_MAXIMUM_POINTS = 64


def whole_image(rows: int, columns: int) -> Region:
    """Return the outline of an image: what was assessed when nothing stands out."""
    return Region(_corners(0.0, 0.0, float(columns - 1), float(rows - 1)), whole_image=True)


def hottest(heat_map: NDArray[np.float32]) -> Region:
    """Return the outline of the largest connected area above half of the maximum.

    `heat_map`: (rows, columns), 0 to 1. A flat map gives the outline of the image.
    """
    rows, columns = heat_map.shape
    peak = float(heat_map.max(initial=0.0))
    if peak <= 0.0 or float(heat_map.min()) >= _LEVEL * peak:
        return whole_image(rows, columns)
    return outline(heat_map >= _LEVEL * peak)


def outline(mask: NDArray[np.bool_]) -> Region:
    """Return the outline of the largest connected part of `mask`, (rows, columns).

    An empty mask gives the outline of the image.
    """
    rows, columns = mask.shape
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return whole_image(rows, columns)
    contour = max(contours, key=cv2.contourArea)
    tolerance = 0.002 * max(rows, columns)  # pixels
    polygon = cv2.approxPolyDP(contour, tolerance, closed=True)
    while len(polygon) > _MAXIMUM_POINTS:
        tolerance *= 1.5
        polygon = cv2.approxPolyDP(contour, tolerance, closed=True)
    if len(polygon) < 3:
        left, top, width, height = cv2.boundingRect(contour)
        return Region(_corners(left, top, float(left + width - 1), float(top + height - 1)))
    return Region(tuple((float(column), float(row)) for column, row in polygon[:, 0, :]))


def rectangle(box: Box) -> Region:
    return Region(_corners(box.left, box.top, box.right, box.bottom))


def _corners(
    left: float, top: float, right: float, bottom: float
) -> tuple[tuple[float, float], ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))
