"""Overlays as PNG, for pages and folders."""

from __future__ import annotations

import io

from PIL import Image

from structured_reports.overlay import overlay_pixels


def overlay_as_png(part10: bytes) -> bytes:
    """Return an overlay of ours as PNG."""
    stream = io.BytesIO()
    Image.fromarray(overlay_pixels(part10)).save(stream, "PNG")
    return stream.getvalue()
