"""An image as it is looked at, for those who cannot read DICOM (PS3.18 Section 10.4.1.1.3)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from dicom_node.pixels.frame import Frame, ignored_warnings, read_frame
from dicom_node.pixels.grayscale import grayscale, is_inverse, modality_values
from dicom_node.pixels.levels import Levels
from dicom_node.pixels.reader import little_endian_palette, padding_mask
from inference.domain.errors import UnreadablePixels

JPEG, PNG, GIF = "image/jpeg", "image/png", "image/gif"
MEDIA = (JPEG, PNG, GIF)
_FORMATS = {JPEG: "JPEG", PNG: "PNG", GIF: "GIF"}
_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Window:
    """Of values after the Modality LUT. `function` as VOI LUT Function (PS3.3 C.11.2.1.3)."""

    centre: float
    width: float
    function: str = "LINEAR"


@dataclass(frozen=True, slots=True)
class Viewport:
    """At most this size; of a part of the image, whose sign tells to flip it (Table 8.3.5-1)."""

    width: int
    height: int
    region: tuple[float, float, float, float] | None = None  # left, top, width, height


@dataclass(frozen=True, slots=True)
class Rendering:
    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = _QUALITY  # 1 to 100, of a JPEG
    annotation: tuple[str, ...] = ()  # "patient", "technique"


def render(part10: Path, frame: int, rendering: Rendering) -> Image.Image:
    """Draw a frame (one-based). Raises `CodecMissing` or `UnreadablePixels`."""
    decoded = read_frame(part10, frame)
    try:
        with ignored_warnings():
            picture = Image.fromarray(_pixels(decoded, frame, rendering.window))
            lines = _annotation(decoded.header, rendering.annotation)
    except UnreadablePixels:
        raise
    except Exception as error:
        # The boundary to a header that may hold anything.
        raise UnreadablePixels(
            f"the header does not fit its pixels: {type(error).__name__}"
        ) from error
    if rendering.viewport is not None:
        picture = _placed(picture, rendering.viewport)
    if lines:
        ImageDraw.Draw(picture).multiline_text(
            (4, 4), "\n".join(lines), fill=255 if picture.mode == "L" else (255, 255, 255)
        )
    return picture


def encode(pictures: Sequence[Image.Image], media: str, rendering: Rendering) -> bytes:
    """Encode one picture, or several as an animation where `media` is GIF."""
    written = io.BytesIO()
    options: dict[str, Any] = {}
    if media == JPEG:
        options["quality"] = rendering.quality
    if media == GIF and len(pictures) > 1:
        options |= {"save_all": True, "append_images": pictures[1:], "loop": 0, "duration": 100}
    pictures[0].save(written, _FORMATS[media], **options)
    return written.getvalue()


def _pixels(decoded: Frame, frame: int, window: Window | None) -> NDArray[np.uint8]:
    """Return (rows, columns) or (rows, columns, 3)."""
    header, values = decoded.header, decoded.values
    if values.ndim == 3 and values.shape[-1] in (3, 4):
        return _eight_bits(values[..., :3], int(header.get("BitsStored") or 8))
    if values.ndim != 2:
        raise UnreadablePixels(f"pixels of {values.ndim} dimensions")
    if str(header.get("PhotometricInterpretation")) == "PALETTE COLOR":
        colours = apply_color_lut(values, little_endian_palette(header))
        return _eight_bits(colours[..., :3], 8 * colours.dtype.itemsize)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnreadablePixels("pixels that are not numbers")
    padding = padding_mask(header, values)
    levels = Levels(values, padding)
    if window is None:
        shades = grayscale(header, levels, frame)
    else:
        shades = _windowed(modality_values(header, levels.values, frame), window)
        if is_inverse(header):
            shades = 1.0 - shades
    shown = levels.image(np.rint(shades * 255).astype(np.uint8))
    if padding is not None:
        shown[padding] = 0
    return shown


def _windowed(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)))
    if window.function == "LINEAR":
        centre, width = centre - 0.5, max(width - 1.0, 1e-9)
    return np.asarray(np.clip((values - centre) / width + 0.5, 0.0, 1.0))


def _eight_bits(colours: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits == 8 and colours.dtype == np.uint8:
        return np.ascontiguousarray(colours)
    scaled = colours.astype(np.float64) * (255.0 / ((1 << bits) - 1))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)


def _placed(picture: Image.Image, viewport: Viewport) -> Image.Image:
    if viewport.region is not None:
        left, top, width, height = viewport.region
        wide, high = abs(width) or picture.width - left, abs(height) or picture.height - top
        box = (
            max(0, round(left)),
            max(0, round(top)),
            min(picture.width, round(left + wide)),
            min(picture.height, round(top + high)),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            raise UnreadablePixels("the viewport shows nothing of the image")
        picture = picture.crop(box)
        if width < 0:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if height < 0:
            picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    # As large as fits, in the image's own proportions (PS3.18 Section 8.3.5.1.3)
    scale = min(viewport.width / picture.width, viewport.height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)


def _annotation(header: Dataset, kinds: Sequence[str]) -> list[str]:
    """Return what PS3.18 Section 8.3.5.1.1 wants burned in."""
    keywords: list[str] = []
    if "patient" in kinds:
        keywords += ["PatientName", "PatientID", "PatientBirthDate", "PatientSex"]
    if "technique" in kinds:
        keywords += ["Modality", "StudyDate", "SeriesDescription", "KVP", "ViewPosition"]
    values = [str(header.get(each) or "").strip() for each in keywords]
    # The built-in font has no more than Latin-1.
    return [each[:64].encode("latin-1", "replace").decode("latin-1") for each in values if each]
