"""Colours of masks, (red, green, blue), 0 to 255: the same in an overlay and in a viewer."""

from __future__ import annotations

from typing import Final

# Of Okabe and Ito (2008), which differ without colour vision too, the ones that stand out
# from grey.
_TINTS: Final = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
)


def tint(position: int) -> tuple[int, int, int]:
    """Return the colour of the mask at `position`, zero-based."""
    return _TINTS[position % len(_TINTS)]
