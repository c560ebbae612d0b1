"""Views of an image: as it might come, and as it must not pass.

Pictures are (rows, columns), float32, 0 to 1. All chance comes from the generator.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference.domain.recognition import Kind
from inference.models.preprocessing import resize
from inference.training.augment import augment

Pixels = NDArray[np.float32]

_TURNS = {  # quarter turns, counterclockwise as `np.rot90` has them
    Kind.TURNED_CLOCKWISE: 3,
    Kind.UPSIDE_DOWN: 2,
    Kind.TURNED_COUNTERCLOCKWISE: 1,
}
WRONG = (*_TURNS, Kind.INVERTED_CHEST, Kind.PART_OF_CHEST)  # of a chest radiograph


def spoil(pixels: Pixels, kind: Kind, corner: int = 0) -> Pixels:
    """Return a chest radiograph as one of `WRONG`, exactly; `corner`, 0 to 3, of a quarter."""
    if kind in _TURNS:
        return np.ascontiguousarray(np.rot90(pixels, _TURNS[kind]))
    if kind is Kind.INVERTED_CHEST:
        return np.float32(1) - pixels
    if kind is Kind.PART_OF_CHEST:
        rows, columns = pixels.shape
        top, left = (corner // 2) * (rows // 2), (corner % 2) * (columns // 2)
        return pixels[top : top + rows // 2, left : left + columns // 2]
    return pixels


def chest_view(pixels: Pixels, other: Pixels, kind: Kind, size: int, rng: Generator) -> Pixels:
    """Return a frontal chest radiograph, varied, as `kind`."""
    shape = pixels.shape
    if kind is Kind.PART_OF_CHEST:
        pixels = resize(_part(pixels, rng), shape[0])
    early = kind is Kind.INVERTED_CHEST and rng.random() < 0.5
    result = augment(np.float32(1) - pixels if early else pixels, other, rng)
    if kind is Kind.INVERTED_CHEST and not early:
        result = np.float32(1) - result
    if kind is not Kind.PART_OF_CHEST and rng.random() < 0.3:
        result = _surround(result, rng)
    if kind is Kind.UPSIDE_DOWN and rng.random() < 0.5:
        result = np.ascontiguousarray(result[::-1])
    elif kind in _TURNS:
        result = spoil(result, kind)
    if kind in _TURNS and rng.random() < 0.15:
        result = np.float32(1) - result
    return resize(np.clip(result, 0, 1), size)


def other_view(pixels: Pixels, other: Pixels, size: int, rng: Generator) -> Pixels:
    """Return something that is no frontal chest radiograph, varied: no side of it is up."""
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(np.rot90(pixels, int(rng.integers(4))))
    if rng.random() < 0.5:
        rows, columns = pixels.shape
        height, width = (rng.uniform(0.5, 1.0, 2) * (rows, columns)).astype(int)
        top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
        pixels = resize(pixels[top : top + height, left : left + width], rows)
    result = augment(pixels, other, rng)
    if rng.random() < 0.15:
        result = np.float32(1) - result
    if rng.random() < 0.3:
        result = _surround(result, rng)
    return resize(np.clip(result, 0, 1), size)


def made_up(chest: Pixels, size: int, rng: Generator) -> Pixels:
    """Return noise, a slope, shapes, a page of text, or a chest radiograph in shuffled tiles."""
    rows = columns = size
    choice = int(rng.integers(5))
    if choice == 0:
        cells = int(rng.integers(2, size))
        coarse = rng.random((cells, cells), dtype=np.float32)
        result = cv2.resize(coarse, (columns, rows), interpolation=int(rng.integers(3)))
    elif choice == 1:
        x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
        a, b, c = rng.uniform(-1, 1, 3)
        result = a * x + b * y + c * (x * x + y * y)
        result += rng.normal(0, rng.uniform(0, 0.2), result.shape)
    elif choice == 2:
        result = _shapes(rows, columns, rng)
    elif choice == 3:
        result = _page(rows, columns, rng)
    else:
        tiles = int(rng.integers(2, 5))
        whole = resize(chest, tiles * (size // tiles))
        pieces = [piece for row in np.split(whole, tiles) for piece in np.split(row, tiles, 1)]
        order = rng.permutation(len(pieces))
        if (order == np.arange(len(pieces))).all():
            order = order[::-1]
        turned = [np.rot90(pieces[each], int(rng.integers(4))) for each in order]
        lines = [np.hstack(turned[i : i + tiles]) for i in range(0, len(turned), tiles)]
        result = np.vstack(lines)
    low, high = float(result.min()), float(result.max())
    unit = (result - low) / max(high - low, 1e-6)
    return resize(np.asarray(unit, dtype=np.float32), size)


def _part(pixels: Pixels, rng: Generator) -> Pixels:
    """Return a quarter or so: 40 to 58 % of rows and columns; every second one a corner."""
    rows, columns = pixels.shape
    height, width = (rng.uniform(0.40, 0.58, 2) * (rows, columns)).astype(int)
    corner = rng.random() < 0.5
    y, x = rng.integers(0, 2, 2) if corner else rng.random(2)
    top, left = int(y * (rows - height)), int(x * (columns - width))
    return pixels[top : top + height, left : left + width]


def _surround(pixels: Pixels, rng: Generator) -> Pixels:
    """Put an even border around the picture, up to a fifth on each side."""
    rows, columns = pixels.shape
    top, bottom = (rng.uniform(0, 0.2, 2) * rows).astype(int)
    left, right = (rng.uniform(0, 0.2, 2) * columns).astype(int)
    shade = rng.choice([0.0, 0.0, 1.0, float(rng.random())])
    return np.pad(pixels, ((top, bottom), (left, right)), constant_values=np.float32(shade))


def _shapes(rows: int, columns: int, rng: Generator) -> NDArray[np.float32]:
    result = np.full((rows, columns), float(rng.random()), dtype=np.float32)
    for _ in range(int(rng.integers(1, 12))):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        axes = (int(rng.integers(4, columns // 2)), int(rng.integers(4, rows // 2)))
        shade = float(rng.random())
        if rng.random() < 0.5:
            cv2.ellipse(result, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, -1)
        else:
            end = (centre[0] + axes[0], centre[1] + axes[1])
            cv2.rectangle(result, centre, end, shade, -1)
    blurred: NDArray[np.float32] = cv2.GaussianBlur(result, (0, 0), float(rng.uniform(0.3, 12)))
    return blurred + rng.normal(0, 0.03, result.shape).astype(np.float32)


def _page(rows: int, columns: int, rng: Generator) -> NDArray[np.float32]:
    paper = rng.random() < 0.7
    result = np.full((rows, columns), 255 if paper else 0, dtype=np.uint8)
    scale = float(rng.uniform(0.25, 0.8))
    step = int(14 + 20 * scale)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz     ABCDEFGH0123456789.,:"))
    for y in range(step, rows, step):
        text = "".join(rng.choice(letters, int(rng.integers(1, 40))))
        cv2.putText(
            result,
            text,
            (int(rng.integers(2, 20)), y),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            0 if paper else 255,
            1,
            cv2.LINE_AA,
        )
    return result.astype(np.float32)
