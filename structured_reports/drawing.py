"""What the picture of a result is drawn with: grey and heat, outlines, masks and text.

Colours are (red, green, blue), 0 to 255.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]

BACKGROUND: Final[Colour] = (11, 15, 20)
BAND: Final[Colour] = (20, 27, 36)
RULE: Final[Colour] = (52, 66, 82)
TEXT: Final[Colour] = (232, 238, 244)
MUTED: Final[Colour] = (146, 162, 178)
WARNING: Final[Colour] = (255, 196, 84)
OUTLINE: Final[Colour] = (72, 224, 255)

MARGIN: Final = 24  # pixels
_SUPERSAMPLING: Final = 3  # times, so that lines are smooth
_ROOM: Final = 4  # pixels around an outline, for its width

# Anchors of the colour map "inferno" (matplotlib, CC0), evenly spaced: its lightness grows
# steadily, so that it also reads without colour vision.
_INFERNO: Final = (
    (0, 0, 4), (27, 12, 65), (74, 12, 107), (120, 28, 109), (165, 44, 96), (207, 68, 70),
    (237, 105, 37), (251, 155, 6), (247, 209, 61), (252, 255, 164),
)  # fmt: skip
_FAINTEST: Final = 0.05  # heat below which the image is left as it is
_STRONGEST: Final = 0.62  # share of colour where the heat is 1
_MASK: Final = 0.3  # share of colour in a mask: what is under it must be seen


@dataclass(frozen=True, slots=True)
class Cell:
    """A label over its value, in the row of facts."""

    label: str
    value: str
    colour: Colour = TEXT


def font(size: int) -> Font:
    """Return Pillow's built-in font: a server has no fonts of its own to rely on."""
    return ImageFont.load_default(size=size)


def grey(pixels: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Return `pixels`, (rows, columns), 0 to 1, at `size` (width, height), as RGB."""
    eight_bit = _eight_bit(_finite(pixels))
    return Image.fromarray(eight_bit).resize(size, Image.Resampling.LANCZOS).convert("RGB")


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    # Nearly always all are finite, and the sum tells so at once.
    if np.isfinite(values.sum(dtype=np.float64)):
        return values
    return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)


def _eight_bit(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 0 to 255 for 0 to 1, rounded."""
    scaled = values * np.float32(255)
    scaled += np.float32(0.5)
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)


def heat_colours(heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the colour of each value, (..., 3), 0 to 255."""
    anchors = np.asarray(_INFERNO, dtype=np.float64)
    positions = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(heat, positions, anchors[:, each]) for each in range(3)], axis=-1)


def blend(image: Image.Image, heat_map: NDArray[np.float32]) -> Image.Image:
    """Return `image` with the heat map over it; it shines through, most where the heat is low."""
    finite = np.clip(_finite(heat_map), 0, 1).astype(np.float32)
    resized = Image.fromarray(finite).resize(image.size, Image.Resampling.BILINEAR)
    # In 256 steps, which is as fine as a colour can be told apart, all is looked up.
    heat = Image.fromarray(_eight_bit(np.asarray(resized)))
    steps = np.linspace(0, 1, 256, dtype=np.float32)
    share = _STRONGEST * np.clip((steps - _FAINTEST) / (1 - _FAINTEST), 0, 1)
    mask = heat.point([int(each) for each in np.round(share * 255)])
    heat.putpalette(np.round(heat_colours(steps)).astype(np.uint8).tobytes())
    return Image.composite(heat.convert("RGB"), image, mask)


def draw_outline(
    image: Image.Image, points: Sequence[tuple[float, float]], scale: tuple[float, float]
) -> None:
    """Draw the closed polygon `points` (column, row, zero-based, pixel centres) on `image`."""
    corners = [((column + 0.5) * scale[0], (row + 0.5) * scale[1]) for column, row in points]
    # What is drawn on is no larger than need be.
    left, top = (max(math.floor(min(axis)) - _ROOM, 0) for axis in zip(*corners, strict=True))
    right, bottom = (
        min(math.ceil(max(axis)) + _ROOM, most)
        for axis, most in zip(zip(*corners, strict=True), image.size, strict=True)
    )
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return
    fine = [((x - left) * _SUPERSAMPLING, (y - top) * _SUPERSAMPLING) for x, y in corners]
    # Two points more than closed: the joint of the ends is then rounded as the others are.
    closed = [*fine, *fine[:2]]
    # The dark line beneath keeps the bright one visible on white bone.
    for colour, thick in ((BACKGROUND, 5), (OUTLINE, 2)):
        mask = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
        line = ImageDraw.Draw(mask)
        line.line(closed, fill=255, width=thick * _SUPERSAMPLING, joint="curve")
        image.paste(colour, (left, top), mask.reduce(_SUPERSAMPLING))


def draw_mask(image: Image.Image, mask: NDArray[np.bool_], colour: Colour) -> Image.Image:
    """Return `image` with `mask`, (rows, columns), tinted and outlined."""
    soft = Image.fromarray(mask.astype(np.uint8) * 255)
    # Bilinear, so that the outline is no staircase; one pixel of the mask is still seen.
    grown = soft.resize(image.size, Image.Resampling.BILINEAR)
    inside = grown.point([255 if value >= 96 else 0 for value in range(256)])
    share = (np.asarray(inside, dtype=np.float64) / 255 * _MASK)[..., None]
    mixed = np.asarray(image, dtype=np.float64) * (1 - share) + np.array(colour) * share
    tinted = Image.fromarray(np.round(mixed).astype(np.uint8))
    wide, narrow = inside.filter(ImageFilter.MaxFilter(9)), inside.filter(ImageFilter.MaxFilter(5))
    core = np.asarray(inside, dtype=np.int16)
    for paint, outer in ((BACKGROUND, wide), (colour, narrow)):
        # The dark line beneath keeps the bright one visible on white bone.
        ring = np.clip(np.asarray(outer, dtype=np.int16) - core, 0, 255).astype(np.uint8)
        tinted.paste(paint, mask=Image.fromarray(ring))
    return tinted


def draw_number(
    image: Image.Image, number: int, at: tuple[float, float], scale: tuple[float, float]
) -> None:
    """Write `number` outside of the box whose top left corner is `at` (column, row)."""
    draw = ImageDraw.Draw(image)
    x = min(max((at[0] + 0.5) * scale[0], 0), image.width - 28)
    y = (at[1] + 0.5) * scale[1] - 6
    if y < 26:  # no room above
        y = 26
        x = max(x - 28, 0)
    draw.text(
        (x, y),
        str(number),
        font=font(24),
        fill=OUTLINE,
        anchor="ls",
        stroke_width=3,
        stroke_fill=BACKGROUND,
    )


def colour_bar(height: int) -> Image.Image:
    """Return the legend of the heat map: the bar, its ends and its middle."""
    bar_width, label_width = 20, 62
    bar = Image.new("RGB", (bar_width + label_width, height), BACKGROUND)
    values = np.linspace(1, 0, height, dtype=np.float32)
    colours = np.round(heat_colours(values)).astype(np.uint8)
    bar.paste(Image.fromarray(np.repeat(colours[:, None, :], bar_width, axis=1)), (0, 0))
    draw = ImageDraw.Draw(bar)
    draw.rectangle((0, 0, bar_width - 1, height - 1), outline=RULE)
    small = font(20)
    marks = ((0.0, "high", "la"), (0.5, "0.5", "lm"), (1.0, "low", "ld"))
    for position, label, anchor in marks:
        draw.text(
            (bar_width + 8, position * (height - 1)), label, font=small, fill=MUTED, anchor=anchor
        )
    return bar


def wrap(text: str, face: Font, width: float) -> list[str]:
    """Return `text` in lines that are at most `width` pixels wide."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def shorten(text: str, face: Font, width: float) -> str:
    """Return `text`, cut with an ellipsis if it is wider than `width` pixels."""
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."
