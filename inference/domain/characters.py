"""Characters that a DICOM text may hold."""

from __future__ import annotations

import unicodedata

_REFUSED = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control, half of a pair, ends of lines


def is_graphic(text: str) -> bool:
    """Is there no control character in it (PS3.5 Section 6.1.3), nor the end of a line?

    `str.isprintable` says no to more: to the ideographic space of Japanese names, to the
    joiners of Persian ones and to the marks that turn the direction of writing.
    """
    return all(unicodedata.category(each) not in _REFUSED for each in text)
