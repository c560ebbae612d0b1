"""Pictures as a model gets them, and what the gate sees in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inference.domain.recognition import Recognition
from inference.ports import Picture
from wetread import settings
from wetread.bootstrap import build_registry


def read_picture(
    path: str | Path, frame: int = 1, window: tuple[float, float] | None = None
) -> Picture:
    """Return one frame (one-based) of a DICOM file as the node's models get it.

    `pixels` is (rows, columns), float32, 0 (black) to 1 (white), after rescaling, window and
    inversion. `window`: the values that are black and white, HU for CT, instead of the
    header's window. A PNG or JPEG is taken as it is. Raises `UnreadablePixels`.
    """
    from dicom_node.pixels import DicomPixelReader
    from inference.validation.opener import is_image, read_image

    found = Path(path)
    return read_image(found) if is_image(found) else DicomPixelReader().read(found, frame, window)


def recognise(pictures: Sequence[Picture], gate: str = "body-part") -> Sequence[Recognition]:
    """Return what the gate sees in each picture, by its pixels alone."""
    return build_registry(settings.load()).gate(gate).look(pictures)
