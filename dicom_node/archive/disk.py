"""The Archive as files on a local disk, or on a ReadWriteMany volume."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path, PurePosixPath

from dicom_node.archive import durable
from dicom_node.archive.header import describe, read_file_meta
from inference.domain.errors import OutOfSpace, UnreadableInstance
from inference.domain.instance import Description
from inference.domain.uid import check_uid

_SPOOL = "spool"
_STUDIES = "studies"
_RESULTS = "results"
_QUARANTINE = "quarantine"
_CHUNK = 1 << 20  # bytes
_SHORT_DIGEST = 8  # hexadecimal digits in a file's name


class DiskArchive:
    """Implements `inference.ports.Archive`.

    ::

        root/spool/                                     arriving
        root/studies/<Study>/<Series>/<SOP>-<sha8>.dcm  Instances
        root/results/<Study>/<SOP>.dcm                  what Wetread made
        root/quarantine/<random>.dcm, .json             set aside, and why

    All of it has to be one file system: arriving bytes are renamed, never copied.
    """

    def __init__(self, root: Path, low_watermark_bytes: int) -> None:
        self._root = root.resolve()
        self._low_watermark_bytes = low_watermark_bytes
        with durable.translated():
            for name in (_SPOOL, _STUDIES, _RESULTS, _QUARANTINE):
                durable.make_directory(self._root / name)

    def check_space(self) -> None:
        with durable.translated():
            free = shutil.disk_usage(self._root).free
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
            return describe(spooled)

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

    def keep(self, spooled: Path, description: Description, sha256: str) -> str:
        folder = PurePosixPath(
            _STUDIES,
            check_uid(description.study_instance_uid),
            check_uid(description.series_instance_uid),
        )
        sop_instance_uid = check_uid(description.sop_instance_uid)
        with durable.translated():
            key = folder / f"{sop_instance_uid}-{sha256[:_SHORT_DIGEST]}.dcm"
            if (self._root / key).exists() and self.digest(self._root / key) != sha256:
                # Eight digits can be made to collide; all of them cannot.
                key = folder / f"{sop_instance_uid}-{sha256}.dcm"
            durable.move(spooled, self._root / key)
        return str(key)

    def quarantine(self, spooled: Path, reason: str) -> str:
        # The same bytes again are the same file: a sender that never gives up fills no disk.
        key = PurePosixPath(_QUARANTINE, f"{self.digest(spooled)}.dcm")
        target = self._root / key
        with durable.translated():
            # The reason first: after a crash no file lies here unexplained.
            durable.write(target.with_suffix(".json"), json.dumps({"reason": reason}).encode())
            durable.move(spooled, target)
        return str(key)

    def discard(self, spooled: Path) -> None:
        with durable.translated():
            spooled.unlink(missing_ok=True)

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        key = PurePosixPath(
            _RESULTS, check_uid(study_instance_uid), f"{check_uid(sop_instance_uid)}.dcm"
        )
        with durable.translated():
            durable.write(self._root / key, part10)
        return str(key)

    def path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if len(parts) < 2 or parts[0] not in (_STUDIES, _RESULTS, _QUARANTINE) or ".." in parts:
            raise ValueError("not a key of this archive")
        return self._root.joinpath(*parts)

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
