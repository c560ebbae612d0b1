"""Text in the pixels: found where it is, and not where it is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.ports import Picture
from inference.validation.opener import read_image
from inference.worker.annotation import annotation

SHAPE = (512, 480)


def chest(shape: tuple[int, int] = SHAPE, seed: int = 0) -> NDArray[np.uint8]:
    """Return two lungs, ribs, a spine and grain: (rows, columns)."""
    generator = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[0]))
    lungs = np.exp(-(((np.abs(across) - 0.42) / 0.24) ** 2) - (down / 0.62) ** 2)
    ribs = np.sin(24 * (down + 0.4 * np.abs(across))) * (np.abs(across) < 0.8)
    spine = 30 * np.exp(-((across / 0.08) ** 2)) * (1 + 0.5 * np.sin(40 * down))
    pixels = 150 - 110 * lungs + 14 * ribs + spine + generator.normal(0, 3, shape)
    pixels[np.abs(across) > 0.95] = 0
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write(
    pixels: NDArray[np.uint8],
    text: str,
    at: tuple[int, int] = (8, 440),
    size: int = 16,
    ink: int = 255,
    label: int | None = None,
) -> NDArray[np.uint8]:
    """Draw `text` at (column, row), on a filled rectangle if `label` is its grey."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    if label is not None:
        left, top, right, bottom = draw.multiline_textbbox(at, text, font=font)
        draw.rectangle((left - 4, top - 4, right + 4, bottom + 4), fill=label)
    draw.multiline_text(at, text, fill=ink, font=font)
    return np.asarray(image)


def picture(pixels: NDArray[np.uint8]) -> Picture:
    return Picture(pixels.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("text", ["DOE^JANE", "Jane Doe", "1961-07-28", "ID: 4711081", "PORTABLE"])
@pytest.mark.parametrize("size", [12, 18, 30])
def test_a_line_is_found_where_it_stands(text: str, size: int) -> None:
    region = annotation(picture(write(chest(), text, (40, 200), size)))
    assert region is not None
    assert not region.whole_image
    columns, rows = zip(*region.points, strict=True)
    assert 34 <= min(columns) < 48 + size
    assert 195 <= min(rows) < max(rows) <= 205 + 1.5 * size


@pytest.mark.parametrize(("ink", "label"), [(0, 255), (0, 180), (255, 0), (200, None)])
def test_light_on_dark_and_dark_on_light(ink: int, label: int | None) -> None:
    assert annotation(picture(write(chest(), "DOE JANE 1961", ink=ink, label=label)))


def test_monochrome1_that_was_not_inverted_still_has_its_text() -> None:
    assert annotation(picture(255 - write(chest(), "DOE JANE 1961")))


@pytest.mark.parametrize(
    "text", ["L", "R", "AP", "L\nMK", "R 12", "SUP", "KV68", "A-P", "R\nED\n42"]
)
@pytest.mark.parametrize("size", [14, 24, 48])
def test_a_marker_is_no_text(text: str, size: int) -> None:
    for at in ((20, 20), (380, 40)):
        assert annotation(picture(write(chest(), text, at, size))) is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [(224, 224), (512, 480), (1400, 1200)])
def test_a_chest_alone_has_none(shape: tuple[int, int], seed: int) -> None:
    assert annotation(picture(chest(shape, seed))) is None


def test_large_pictures_are_measured_in_their_own_pixels() -> None:
    pixels = write(chest((2000, 1600)), "DOE^JANE 1961-07-28", (900, 1700), 40)
    region = annotation(picture(pixels))
    assert region is not None
    columns, rows = zip(*region.points, strict=True)
    assert 890 <= min(columns) <= 930
    assert 1690 <= min(rows) < max(rows) <= 1760


def test_text_at_the_very_edge_stays_within_the_picture() -> None:
    region = annotation(picture(write(chest(), "name:Jane Doe\nid:4711081", (0, 478), 16)))
    assert region is not None
    for column, row in region.points:
        assert 0 <= column <= SHAPE[1] - 1
        assert 0 <= row <= SHAPE[0] - 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((512, 512), np.float32),
        np.ones((300, 200), np.float32),
        np.zeros((0, 0), np.float32),
        np.zeros((0, 40), np.float32),
        np.zeros((1, 1), np.float32),
        np.zeros((23, 4000), np.float32),
        np.zeros((24, 60000), np.float32),
        np.zeros((60000, 24), np.float32),
        np.zeros((40, 40, 3), np.float32),
        np.full((100, 100), np.nan, np.float32),
        np.full((100, 100), np.inf, np.float32),
        np.full((100, 100), 1e30, np.float32),
        np.tile(np.array([0, 1], np.float32), (300, 150)),
        np.indices((300, 300)).sum(0).astype(np.float32) % 2,
        np.random.default_rng(0).random((700, 700), dtype=np.float32),
        np.zeros((200, 300), np.float32)[::-1, ::2],
    ],
    ids=str,
)
def test_hostile_pictures_are_looked_at_and_have_none(pixels: NDArray[np.float32]) -> None:
    assert annotation(Picture(pixels)) is None


def test_grain_all_over_is_left_at_once() -> None:
    noise = np.random.default_rng(1).random((1024, 1024), dtype=np.float32)
    assert annotation(Picture(cv2.GaussianBlur(noise, (0, 0), 1.2) * 4 - 1.5)) is None


@pytest.mark.shared
def test_of_real_radiographs_those_with_text(shared_data: Path) -> None:
    """Forty with a name, a number and dates in the lower left, and forty without."""
    written = sorted((shared_data / "cxr-burned-in-text").glob("*.jpg"))
    found = [annotation(read_image(each)) for each in written]
    assert len(found) == 40
    assert sum(region is not None for region in found) >= 38
    plain = sorted((shared_data / "cxr-kermany-224" / "test").rglob("*.jpeg"))[::9][:40]
    assert len(plain) >= 35
    assert sum(annotation(read_image(each)) is not None for each in plain) <= 1
