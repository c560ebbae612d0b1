"""What lies elsewhere, as files on a local disk."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from dicom_node.archive import durable

_IN_USE = 60.0  # seconds: who asked for a path may not have opened it yet
_ROOM = 0.9  # of the limit is left when it was passed


class Cache:
    """Keeps about `limit_bytes`; what was not asked for longest goes first.

    Several processes may share one.
    """

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self._root = root
        self._limit_bytes = limit_bytes
        self._trimming = Lock()
        with durable.translated():
            durable.make_directory(root)
            self._bytes = sum(size for _, size, _ in self._files())

    def path(self, key: str) -> Path:
        """Return where `key` lies, if it does."""
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._root / name[:2] / name

    def find(self, key: str) -> Path | None:
        path = self.path(key)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def add(self, key: str, source: Path) -> Path:
        """Move `source`, a file on the same file system, to where `key` belongs."""
        path = self.path(key)
        with durable.translated():
            size = source.stat().st_size
            os.utime(source)
            # Synced, or after a power failure a file of the right name could be empty.
            durable.move(source, path)
        self._bytes += size
        if self._bytes > self._limit_bytes:
            self._trim(self._limit_bytes)
        return path

    def make_room(self, wanted: int) -> None:
        """Let go of so many bytes, and of some more, as far as they may not be in use."""
        self._trim(self._bytes - wanted)

    def drop(self, key: str) -> None:
        """Forget `key`, wherever it lies by now."""
        with durable.translated():
            self.path(key).unlink(missing_ok=True)

    def _trim(self, at_most: int) -> None:
        if not self._trimming.acquire(blocking=False):
            return
        try:
            with durable.translated():
                files = sorted(self._files())
            held = sum(size for _, size, _ in files)
            idle = time.time() - _IN_USE
            for used, size, path in files:
                if held <= at_most * _ROOM or used > idle:
                    break
                with suppress(FileNotFoundError):
                    path.unlink()
                held -= size
            self._bytes = held
        finally:
            self._trimming.release()

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return when each was last asked for, its bytes and its path."""
        files = []
        for folder in self._root.iterdir():
            for path in folder.iterdir():
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    files.append((stat.st_mtime, stat.st_size, path))
        return files
