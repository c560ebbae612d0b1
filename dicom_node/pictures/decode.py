"""A PNG or JPEG from anywhere into pixels, or a sentence that says why not."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin

from inference.domain.errors import InputError

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

_MOST = 40_000_000  # pixels
_LONGEST = 65_535  # pixels of a side: Rows and Columns are US (PS3.3 C.7.6.3)
_SHORTEST = 16  # pixels of a side
_ALIKE = 6  # of 255: what JPEG makes of a grey pixel differs that much between its channels

# What Pillow's decoders raise on bytes that are not what they promise
_BROKEN = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    struct.error,
    SyntaxError,
    TypeError,
    ValueError,
    zlib.error,
)


class InvalidPicture(InputError):
    """A picture cannot become a DICOM image."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels`: (rows, columns) uint8 or uint16 where it is grey, else (rows, columns, 3) uint8.

    `ratio` is how much smaller the file was where its compression lost something, else None.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    ratio: float | None = None

    @property
    def is_grey(self) -> bool:
        return self.pixels.ndim == 2


def read_picture(path: Path) -> Picture:
    """Return the upright picture in the file `path`. Raises `InvalidPicture`."""
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        image: ImageFile.ImageFile
        try:
            # By its first bytes and not by `Image.open`, which would try every format it knows.
            if start.startswith(PNG):
                image = PngImagePlugin.PngImageFile(file)
            elif start.startswith(JPEG):
                image = JpegImagePlugin.JpegImageFile(file)
            else:
                raise InvalidPicture("It is neither a PNG nor a JPEG.")
            _check(image)
            image.load()
            pixels = _pixels(ImageOps.exif_transpose(image))
        except _BROKEN as error:
            raise InvalidPicture("The picture is broken or cut short.") from error
    ratio = None
    if start.startswith(JPEG):
        ratio = max(1.0, pixels.nbytes / path.stat().st_size)
    return Picture(pixels, ratio)


def _check(image: ImageFile.ImageFile) -> None:
    """Refuse by the header alone: nothing has been unpacked yet."""
    width, height = image.size
    if max(width, height) > _LONGEST or width * height > _MOST:
        raise InvalidPicture(
            f"The picture has {width} x {height} pixels; {_MOST // 1_000_000} million are taken."
        )
    if min(width, height) < _SHORTEST:
        raise InvalidPicture(f"The picture has only {width} x {height} pixels.")
    if getattr(image, "n_frames", 1) > 1:
        raise InvalidPicture("The file holds several pictures; only one is taken.")


def _pixels(image: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if image.mode.startswith("I"):  # a grey PNG with 16 bits
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        # What is transparent is black, as what lies outside of a radiograph.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    colours = np.asarray(image.convert("RGB"))
    span = colours.max(axis=2).astype(np.int16) - colours.min(axis=2)
    if int(span.max()) <= _ALIKE:
        return np.asarray(image.convert("RGB").convert("L"))
    return colours
