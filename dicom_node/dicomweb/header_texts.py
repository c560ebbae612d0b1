"""Headers as JSON that were made before, for whoever asks next."""

from __future__ import annotations

import threading
from collections import OrderedDict

from dicom_node.archive.keys import STUDIES

_LIMIT = 32 << 20  # characters, of a byte each


class HeaderTexts:
    """Remembers what was asked for last; what was received never changes under its key.

    `turn` is for who makes headers: threads that compute in Python only hinder each other.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self.turn = threading.Lock()
        self._limit = limit
        self._size = 0
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str, url: str) -> str | None:
        """Return the header of an Instance as it is at `url`, which stands in it."""
        with self._lock:
            text = self._texts.get((key, url))
            if text is not None:
                self._texts.move_to_end((key, url))
            return text

    def keep(self, key: str, url: str, text: str) -> None:
        if not key.startswith(f"{STUDIES}/"):
            return  # a result may be made anew
        with self._lock:
            self._size += len(text) - len(self._texts.pop((key, url), ""))
            self._texts[(key, url)] = text
            while self._size > self._limit:
                _, oldest = self._texts.popitem(last=False)
                self._size -= len(oldest)
