"""Reads the headers that the catalog of an older database has not seen."""

from __future__ import annotations

import logging
import threading

from inference.domain.errors import DamagedFile, InputError, ResourceError
from inference.ports import Archive, Catalog

_log = logging.getLogger(__name__)

_BATCH = 100
_REST = 60.0  # seconds, while database or disk are away


class Cataloguer:
    """Implements `Service`. Ends by itself when every header has been read once."""

    name = "cataloguer"

    def __init__(self, catalog: Catalog, archive: Archive) -> None:
        self._catalog = catalog
        self._archive = archive
        self._stopping = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    @property
    def alive(self) -> bool:
        return self._done or self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        last = 0
        while not self._stopping.is_set():
            try:
                following = self.step(last)
            except ResourceError:
                _log.warning("headers cannot be catalogued now")
                self._stopping.wait(_REST)
                continue
            if following is None:
                self._done = True
                return
            last = following

    def step(self, after: int) -> int | None:
        """Read a batch after this number; return the last number, None when nothing is left."""
        entries = self._catalog.undescribed(_BATCH, after)
        for entry in entries:
            if self._stopping.is_set():
                break
            try:
                description = self._archive.describe(self._archive.path(entry.key))
            except (InputError, DamagedFile):
                # It stays as the index knew it, and is looked at again after the next start.
                _log.warning("a header cannot be catalogued: %s", entry.key)
                continue
            self._catalog.describe(description)
        return entries[-1].number if entries else None
