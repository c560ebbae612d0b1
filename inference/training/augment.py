"""Pictures as another hospital might have taken them.

The training images come from one hospital, and their classes differ in more than disease:
in sharpness, exposure and crop. Every step here takes one such difference away, or hides
something that must not be learned (text, markers, borders). Pictures are (rows, columns),
float32, 0 to 1. All chance comes from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

_LETTERS = np.array(list("ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789 .:-/"))


def augment(pixels: Pixels, other: Pixels, rng: Generator) -> Pixels:
    """Return a changed copy. `other` is any picture of the same shape: its grey values and
    its sharpness are borrowed, never its content.
    """
    result = _move(pixels, rng)
    steps: tuple[tuple[float, Callable[[Pixels], Pixels]], ...] = (
        (0.3, lambda p: _borrow_histogram(p, other, rng)),
        (0.3, lambda p: _borrow_sharpness(p, other, rng)),
        (0.8, lambda p: _tone(p, rng)),
        (0.3, lambda p: _shade(p, rng)),
        (0.2, lambda p: _equalise(p, rng)),
        (0.6, lambda p: _soften_or_sharpen(p, rng)),
        (0.4, lambda p: _grain(p, rng)),
        (0.2, lambda p: _compress(p, rng)),
        (0.25, lambda p: _collimate(p, rng)),
        (0.35, lambda p: _write(p, rng)),
        (0.35, lambda p: _erase(p, rng)),
    )
    for chance, step in steps:
        if rng.random() < chance:
            result = step(result)
    return result


def disturb(pixels: Pixels, other: Pixels, rng: Generator) -> Pixels:
    """Return the picture as if acquired elsewhere, all of it still visible.

    For a validation that asks more than the hospital's own images do.
    """
    steps: tuple[Callable[[Pixels], Pixels], ...] = (
        lambda p: _borrow_histogram(p, other, rng),
        lambda p: _borrow_sharpness(p, other, rng),
        lambda p: _tone(p, rng),
        lambda p: _soften_or_sharpen(p, rng),
    )
    result = _move(pixels, rng)
    for index in rng.permutation(len(steps))[:2]:
        result = steps[index](result)
    return result


def _move(pixels: Pixels, rng: Generator) -> Pixels:
    """Flip, turn by up to 10 degrees, crop or widen, squash, shift."""
    rows, columns = pixels.shape
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    angle = np.deg2rad(rng.uniform(-10, 10))
    scale = rng.uniform(0.95, 1.35)
    squash = np.exp(rng.uniform(-0.16, 0.16))
    shear = rng.uniform(-0.08, 0.08)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[scale * squash, shear], [0.0, scale / squash]])
    centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
    # What the zoom leaves over may be cut off at either side, and 4 % more.
    room = np.maximum(scale - 1, 0) / 2 + 0.04
    shift = rng.uniform(-room, room, 2) * np.array([columns, rows])
    offset = centre + shift - matrix @ centre
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    moved: Pixels = cv2.warpAffine(
        pixels,
        np.column_stack([matrix, offset]),
        (columns, rows),
        flags=cv2.INTER_LINEAR,
        borderMode=border,
    )
    return moved


def _borrow_histogram(pixels: Pixels, other: Pixels, rng: Generator) -> Pixels:
    """Map grey values so that their distribution goes towards that of `other`."""
    levels = np.linspace(0, 1, 65)
    here = np.quantile(pixels[::3, ::3], levels)
    there = np.quantile(other[::3, ::3], levels)
    here += np.arange(len(here)) * 1e-7  # np.interp wants ascending places
    mapped = np.interp(pixels, here, there).astype(np.float32)
    share = np.float32(rng.uniform(0.4, 1.0))
    return pixels + share * (mapped - pixels)


def _borrow_sharpness(pixels: Pixels, other: Pixels, rng: Generator) -> Pixels:
    """Mix the amplitude spectrum with that of `other`; the phase, so the content, stays.

    As in Xu et al., A Fourier-based Framework for Domain Generalization, CVPR 2021.
    """
    spectrum = np.fft.rfft2(pixels)
    amplitude = np.abs(spectrum)
    share = rng.uniform(0.1, 0.6)
    mixed = amplitude * (1 - share) + np.abs(np.fft.rfft2(other)) * share
    changed = np.fft.irfft2(spectrum * (mixed / np.maximum(amplitude, 1e-6)), s=pixels.shape)
    return _clip(changed)


def _tone(pixels: Pixels, rng: Generator) -> Pixels:
    """Another window with hard limits, another gamma, another curve."""
    low, high = rng.uniform(-0.15, 0.15), rng.uniform(0.8, 1.2)
    windowed = _clip((pixels - low) / (high - low))
    toned = windowed ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.4:
        knots = np.concatenate([[0.0], np.cumsum(rng.uniform(0.3, 1.0, 6))])
        toned = np.interp(toned, np.linspace(0, 1, 7), knots / knots[-1]).astype(np.float32)
    return toned


def _shade(pixels: Pixels, rng: Generator) -> Pixels:
    """A slope of exposure over the picture, as the anode's heel makes."""
    rows, columns = pixels.shape
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    a, b, c = rng.uniform(-0.25, 0.25, 3).astype(np.float32)
    return _clip(pixels * (1 + a * x + b * y + c * (x * x + y * y - 1)))


def _equalise(pixels: Pixels, rng: Generator) -> Pixels:
    """The local contrast enhancement of a detector's post-processing."""
    tiles = int(rng.integers(2, 9))
    clahe = cv2.createCLAHE(clipLimit=float(rng.uniform(1.0, 3.0)), tileGridSize=(tiles, tiles))
    return _unit(clahe.apply((pixels * 255).astype(np.uint8)))


def _soften_or_sharpen(pixels: Pixels, rng: Generator) -> Pixels:
    kind = rng.random()
    if kind < 0.4:
        return _blur(pixels, rng.uniform(0.3, 1.3))
    if kind < 0.7:
        factor = rng.uniform(0.5, 0.9)
        rows, columns = pixels.shape
        small = cv2.resize(
            pixels, (int(columns * factor), int(rows * factor)), interpolation=cv2.INTER_AREA
        )
        large: Pixels = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return large
    strength = np.float32(rng.uniform(0.3, 1.5))
    return _clip(pixels + strength * (pixels - _blur(pixels, rng.uniform(0.8, 3.0))))


def _blur(pixels: Pixels, sigma: float) -> Pixels:
    blurred: Pixels = cv2.GaussianBlur(pixels, (0, 0), sigma)
    return blurred


def _grain(pixels: Pixels, rng: Generator) -> Pixels:
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    if rng.random() < 0.5:
        noise = _blur(noise, 0.7) * 1.8
    return _clip(pixels + noise * np.float32(rng.uniform(0.004, 0.03)))


def _compress(pixels: Pixels, rng: Generator) -> Pixels:
    quality = int(rng.integers(25, 90))
    _, data = cv2.imencode(
        ".jpg", (pixels * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert decoded is not None  # it was encoded just now
    return _unit(decoded)


def _collimate(pixels: Pixels, rng: Generator) -> Pixels:
    """Black or white borders of up to a tenth of the picture."""
    result = pixels.copy()
    rows, columns = pixels.shape
    shade = 0.0 if rng.random() < 0.8 else 1.0
    top, bottom = (rng.uniform(0, 0.1, 2) * rows).astype(int)
    left, right = (rng.uniform(0, 0.1, 2) * columns).astype(int)
    result[:top] = result[rows - bottom :] = shade
    result[:, :left] = result[:, columns - right :] = shade
    return result


def _write(pixels: Pixels, rng: Generator) -> Pixels:
    """Text or a side marker near a corner, as modalities burn in."""
    ink = np.zeros(pixels.shape, dtype=np.uint8)
    rows, columns = pixels.shape
    scale = float(rng.uniform(0.25, 0.6)) * rows / 224
    lines = int(rng.integers(1, 5))
    right, bottom = rng.random(2) < 0.5
    for line in range(lines):
        length = int(rng.integers(1, 3)) if lines == 1 else int(rng.integers(4, 16))
        text = "".join(rng.choice(_LETTERS, length))
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x = columns - width - 4 if right else 4
        step = line * (height + 4)
        y = rows - 4 - step if bottom else height + 4 + step
        shift = rng.integers(-3, 4, 2)
        cv2.putText(
            ink,
            text,
            (int(x + shift[0]), int(y + shift[1])),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            int(rng.integers(180, 256)),
            1,
            cv2.LINE_AA,
        )
    return np.maximum(pixels, ink.astype(np.float32) / 255)


def _erase(pixels: Pixels, rng: Generator) -> Pixels:
    """Grey rectangles, so that no single spot decides."""
    result = pixels.copy()
    rows, columns = pixels.shape
    for _ in range(int(rng.integers(1, 4))):
        height, width = (rng.uniform(0.08, 0.28, 2) * (rows, columns)).astype(int)
        top = int(rng.integers(0, rows - height))
        left = int(rng.integers(0, columns - width))
        result[top : top + height, left : left + width] = rng.random(dtype=np.float32)
    return result


def _clip(pixels: NDArray[np.floating]) -> Pixels:
    clipped: Pixels = np.clip(pixels, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped


def _unit(grey: NDArray[np.integer]) -> Pixels:
    """Return 0 to 1 for 0 to 255."""
    return grey.astype(np.float32) / np.float32(255)
