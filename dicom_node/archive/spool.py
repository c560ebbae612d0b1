"""Where Instances arrive: a folder on a local disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from dicom_node.archive import durable
from dicom_node.archive.header import describe, read_file_meta
from inference.domain.errors import DamagedFile, OutOfSpace, UnreadableInstance
from inference.domain.instance import Description

_SPOOL = "spool"
_CHUNK = 1 << 20  # bytes


class Spool:
    """The half of `inference.ports.Archive` that every archive has on its own disk."""

    def __init__(self, root: Path, low_watermark_bytes: int) -> None:
        self._root = root.resolve()
        self._low_watermark_bytes = low_watermark_bytes
        with durable.translated():
            durable.make_directory(self._root / _SPOOL)

    @property
    def root(self) -> Path:
        return self._root

    def free_bytes(self) -> int:
        with durable.translated():
            return shutil.disk_usage(self._root).free

    def check_space(self) -> None:
        free = self.free_bytes()
        if free < self._low_watermark_bytes:
            raise OutOfSpace(
                f"The archive has {free >> 20} MiB of free space, less than its watermark "
                f"of {self._low_watermark_bytes >> 20} MiB."
            )

    def spool(self) -> Path:
        with durable.translated():
            descriptor, name = tempfile.mkstemp(suffix=".part", dir=self._root / _SPOOL)
            os.close(descriptor)
        return Path(name)

    def describe(self, spooled: Path) -> Description:
        with durable.translated():
            try:
                return describe(spooled)
            except FileNotFoundError as error:
                raise DamagedFile("A file is missing from the archive.") from error

    def digest(self, spooled: Path) -> str:
        digest = hashlib.sha256()
        with durable.translated(), spooled.open("rb") as file:
            try:
                file.seek(read_file_meta(file).data_set_offset)
            except UnreadableInstance:
                file.seek(0)  # no Part 10 file: all of it is what was sent
            buffer = memoryview(bytearray(_CHUNK))
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
        return digest.hexdigest()

    def discard(self, spooled: Path) -> None:
        with durable.translated():
            spooled.unlink(missing_ok=True)

    def sweep_spool(self, older_than_seconds: float) -> int:
        """Remove what a crash left behind; return how many files that was.

        Nobody was told that these were stored, so their senders still have them.
        """
        removed = 0
        limit = time.time() - older_than_seconds
        with durable.translated():
            for left in (self._root / _SPOOL).iterdir():
                try:
                    if left.stat().st_mtime < limit:
                        left.unlink()
                        removed += 1
                except FileNotFoundError:  # its receiver was quicker
                    continue
        return removed
