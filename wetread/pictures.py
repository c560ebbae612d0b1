"""Overlays as PNG, for pages and folders."""

from __future__ import annotations

import io

from PIL import Image
from pydicom import dcmread


def overlay_as_png(part10: bytes) -> bytes:
    """Return the one frame of a Secondary Capture of ours (RGB, 8 bit, not compressed)."""
    stream = io.BytesIO()
    Image.fromarray(dcmread(io.BytesIO(part10)).pixel_array, "RGB").save(stream, "PNG")
    return stream.getvalue()
