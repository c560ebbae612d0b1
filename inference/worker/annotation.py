"""Text that is burned into a picture, found without reading it.

Rendered letters are small, sharp-edged spots of one grey value and of one or two heights, and
they stand beside each other on one level line; hardly anything in a patient does. Strokes are
what a morphological top-hat leaves (Gonzalez and Woods, Digital Image Processing, 9.6): light
ones on dark, dark ones on light. Their connected components are chained from left to right,
as in Epshtein et al., Stroke Width Transform, CVPR 2010, and a chain as long as six letters is
a line of text. A side marker or a radiographer's initials are shorter and do not count. Text
that is written upright or aslant is not looked for.

The numbers below were chosen on training images of cxr-kermany-224, with text drawn into them,
and on made-up grain. On others, by `python -m benchmarks.burned_in`:

    radiographs with name, number and dates     39 of 40 found
    drawn text, sides of 224, 512, 1024 pixels  103, 108, 110 of 112 found
    cxr-kermany-224, test images                1 of 334, wrongly
    cxr-nih-512                                 30 of 318, and all bear the word PORTABLE
    DICOM chest radiographs                     0 of 5
    CT slices of two collections                2 of 130, wrongly

Grain was given its limit after a first look at the CT slices, of which 6 had been found before.
One image of 2000 x 2000 takes 65 ms of one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain as concatenated

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.domain import screening
from inference.domain.finding import Region
from inference.domain.manifest import BurnedIn, Manifest
from inference.domain.refusal import Refusal
from inference.ports import Box, Picture
from inference.worker.region import rectangle
from inference.worker.seen import Seen

_LETTERS = 6  # in a line
_PARTS = 4  # components in a line; small letters touch, so that a component holds some
_SHORTEST = 3.9  # heights, a line; four wide letters broken into six parts are shorter
_WIDEST = 3.5  # heights, a component
_WIDTH = 0.85  # heights, about that of a letter with its gap
_HEIGHTS = (4, 28)  # pixels, a letter on its level
_STROKE = 7  # pixels; what is as wide is no stroke on its level
_CONTRASTS = (32, 64, 112)  # of 255; at which one letters come apart depends on their size
_LONGEST = 1024  # pixels; larger pictures are reduced to it
_LEVELS = 2  # each half of the one before, for larger letters
_SMALLEST = 24  # pixels, the shorter side of a level
_CROWD = 100  # components of a letter's size in no line; in grain, chance makes lines
_MOST = 1500  # components that are looked at

_Edges = tuple[float, float, float, float]  # left, top, and the first outside, right and bottom


def look_for_text(
    manifest: Manifest, seen: Sequence[Seen]
) -> tuple[list[Seen], tuple[Refusal, ...]]:
    """Return what the model may read, with the text in it, and why it may not read the rest."""
    if manifest.needs.burned_in is BurnedIn.ACCEPT:
        return list(seen), ()
    looked = [replace(each, text=annotation(each.picture)) for each in seen]
    if manifest.needs.burned_in is BurnedIn.FLAG:
        return looked, ()
    why = [screening.burned_in(manifest, each.instance, each.text) for each in looked]
    passed = [each for each, refused in zip(looked, why, strict=True) if not refused]
    return passed, tuple(concatenated.from_iterable(why))


def annotation(picture: Picture) -> Region | None:
    """Return the rectangle around all lines of text of six letters or more; None without any."""
    pixels = picture.pixels
    if pixels.ndim != 2 or min(pixels.shape) < _SMALLEST:
        return None
    rows, columns = pixels.shape
    grey = _reduced(pixels)
    found: list[_Edges] = []
    for _ in range(_LEVELS):
        if min(grey.shape) < _SMALLEST:
            break
        across, down = columns / grey.shape[1], rows / grey.shape[0]
        found.extend(
            (left * across, top * down, right * across, bottom * down)
            for left, top, right, bottom in _lines(grey)
        )
        grey = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    if not found:
        return None
    lefts, tops, rights, bottoms = zip(*found, strict=True)
    right, bottom = min(max(rights), columns) - 1, min(max(bottoms), rows) - 1
    return rectangle(Box(min(lefts), min(tops), right, bottom, certainty=1.0))


def _reduced(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    longest = max(pixels.shape)
    if longest > _LONGEST:
        rows, columns = (max(1, round(each * _LONGEST / longest)) for each in pixels.shape)
        pixels = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    within = np.minimum(np.where(pixels > 0, pixels, np.float32(0)), np.float32(1))  # nan is 0
    return (within * np.float32(255)).astype(np.uint8)


def _lines(grey: NDArray[np.uint8]) -> Iterator[_Edges]:
    """Yield the edges of lines on one level, (rows, columns); of one line perhaps more than once.

    Both polarities count: letters are light or dark, and so is what they stand on.
    """
    kernel = np.ones((_STROKE, _STROKE), np.uint8)
    for operation, shown in ((cv2.MORPH_TOPHAT, grey), (cv2.MORPH_BLACKHAT, 255 - grey)):
        strokes = cv2.morphologyEx(grey, operation, kernel, borderType=cv2.BORDER_REPLICATE)
        for contrast in _CONTRASTS:
            components = _components(strokes >= contrast)
            lines = [
                chain
                for chain in _chains(components)
                if _is_line(chain) and _is_of_one_ink(chain, shown, strokes)
            ]
            if len(components) - sum(map(len, lines)) > _CROWD:
                continue
            for line in lines:
                left, top, width, height, _ = line.T
                right, bottom = left + width, top + height
                yield left.min(), top.min(), right.max(), bottom.max()


def _components(ink: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return (components, 5): left, top, width, height, area; from left to right."""
    # A line's parts stand on one level, so that some row crosses them all. To look for that
    # row is quick, and few pictures have one at every contrast.
    begins = ink[:, 1:] > ink[:, :-1]
    if np.count_nonzero(begins, axis=1).max(initial=0) < _PARTS - 1:  # one may begin at the edge
        return np.empty((0, 5), np.int32)
    _, _, found, _ = cv2.connectedComponentsWithStats(ink.view(np.uint8), connectivity=8)
    _, _, width, height, area = found.T
    fits = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= _WIDEST * height)
    fits &= area >= 0.12 * width * height  # a wire or a rib's edge is a thin diagonal
    fits[0] = False  # the background
    chosen: NDArray[np.int32] = found[fits]
    if len(chosen) > _MOST:
        return chosen[:0]
    return chosen[np.argsort(chosen[:, cv2.CC_STAT_LEFT], kind="stable")]


def _chains(components: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield those `components` that stand beside each other, (parts, 5)."""
    if len(components) < _PARTS:
        return
    followers = _followers(components.astype(np.float64))
    first = np.ones(len(components), dtype=bool)
    first[followers[followers >= 0]] = False
    for start in np.flatnonzero(first):
        chain = [int(start)]
        while (follower := int(followers[chain[-1]])) >= 0:
            chain.append(follower)
        if len(chain) >= _PARTS:
            yield components[chain]


def _followers(components: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (components,): the index of the next in the line, or -1; none comes twice."""
    left, top, width, height, _ = components.T
    right, bottom = left + width, top + height
    begin = np.searchsorted(left, left + 0.3 * width)
    end = np.searchsorted(left, right + 3 * height + 2, side="right")
    followers = np.full(len(components), -1)
    leaders = np.full(len(components), -1)
    span = np.arange(int((end - begin).max(initial=0)))
    those = np.maximum(begin, np.arange(len(components)) + 1)[:, None] + span  # (parts, candidates)
    known = those < end[:, None]
    those = np.where(known, those, 0)
    taller = np.maximum(height[those], height[:, None])
    gap = left[those] - right[:, None]
    drop = np.abs(bottom[those] - bottom[:, None])
    # Stops, colons and hyphens are too low to be components: they leave a gap.
    fits = known & (gap >= -0.25 * taller) & (gap <= 1.3 * taller)
    fits &= drop <= np.maximum(1, 0.35 * taller)
    fits &= taller <= 2.2 * np.minimum(height[those], height[:, None])
    far = np.where(fits, left[those] + 0.5 * drop, np.inf)
    for index in np.flatnonzero(fits.any(axis=1)):
        nearest = int(those[index, far[index].argmin()])
        rival = leaders[nearest]
        if rival >= 0:
            if right[rival] >= right[index]:
                continue
            followers[rival] = -1
        followers[index], leaders[nearest] = nearest, index
    return followers


def _is_line(chain: NDArray[np.int32]) -> bool:
    """Is it long enough, on one level, and do its letters reach up to one or two others?"""
    left, top, width, height, _ = chain.T
    tall = float(np.percentile(height, 75))  # a capital's height, or near it
    if np.maximum(1, np.round(width / (_WIDTH * tall))).sum() < _LETTERS:
        return False
    if (left + width).max() - left.min() < _SHORTEST * tall:
        return False
    bottom = top + height
    slack = max(1.0, 0.1 * tall)
    level = np.abs(bottom - np.median(bottom)) <= slack  # others have descenders
    if level.sum() < _PARTS or level.mean() < 0.65:
        return False
    near = np.abs(top[level][:, None] - top[level][None, :]) <= slack
    return any(bool(np.mean(one | other) >= 0.85) for one in near for other in near)


def _is_of_one_ink(
    chain: NDArray[np.int32], shown: NDArray[np.uint8], strokes: NDArray[np.uint8]
) -> bool:
    """Is each letter as light as the next, whatever lies behind? Bones are not.

    `shown`: (rows, columns), letters lighter than their ground; `strokes`: how much lighter.
    """
    values, contrasts = [], []
    for left, top, width, height, _ in chain:
        part = np.s_[top : top + height, left : left + width]
        values.append(np.percentile(shown[part], 90))
        contrasts.append(np.percentile(strokes[part], 90))
    return bool(np.std(values) <= 0.25 * np.median(contrasts))
