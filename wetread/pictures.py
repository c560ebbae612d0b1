"""Overlays as PNG, for pages and folders."""

from __future__ import annotations

import io

from PIL import Image

from structured_reports.overlay import overlay_frames


def overlay_as_png(part10: bytes, frame: int = 1) -> bytes:
    """Return a frame of an overlay of ours as PNG; IndexError where there is no such frame."""
    frames = overlay_frames(part10)
    if not 1 <= frame <= len(frames):
        raise IndexError(frame)
    stream = io.BytesIO()
    Image.fromarray(frames[frame - 1]).save(stream, "PNG")
    return stream.getvalue()
