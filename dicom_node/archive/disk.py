"""The Archive as files on a local disk, or on a ReadWriteMany volume."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dicom_node.archive import durable
from dicom_node.archive.keys import (
    QUARANTINE,
    RESULTS,
    STUDIES,
    check_key,
    check_received_key,
    instance_key,
    quarantine_key,
    reason_key,
    result_key,
)
from dicom_node.archive.spool import Spool
from inference.domain.instance import Description

_SHORT_DIGEST = 8  # hexadecimal digits in a file's name


class DiskArchive(Spool):
    """Implements `inference.ports.Archive`: keys are paths below its root.

    All of it has to be one file system: arriving bytes are renamed, never copied.
    """

    def __init__(self, root: Path, low_watermark_bytes: int) -> None:
        super().__init__(root, low_watermark_bytes)
        with durable.translated():
            for name in (STUDIES, RESULTS, QUARANTINE):
                durable.make_directory(self._root / name)

    def keep(self, spooled: Path, description: Description, sha256: str, removals: int = 0) -> str:
        key = instance_key(description, sha256[:_SHORT_DIGEST], removals)
        with durable.translated():
            if (self._root / key).exists() and self.digest(self._root / key) != sha256:
                # Eight digits can be made to collide; all of them cannot.
                key = instance_key(description, sha256, removals)
            durable.move(spooled, self._root / key)
        return key

    def holds(self, key: str) -> bool:
        with durable.translated():
            return self.path(key).is_file()

    def remove(self, key: str) -> None:
        checked = check_received_key(key)
        with durable.translated():
            if checked.startswith(f"{QUARANTINE}/"):
                durable.remove(self._root / checked, self._root / QUARANTINE)
                # The reason last: no file lies there unexplained.
                durable.remove(self._root / reason_key(checked), self._root / QUARANTINE)
            else:
                durable.remove(self._root / checked, self._root / STUDIES)

    def quarantine(self, spooled: Path, reason: str, removals: int = 0) -> str:
        # The same bytes again are the same file: a sender that never gives up fills no disk.
        key = quarantine_key(self.digest(spooled), removals)
        target = self._root / key
        with durable.translated():
            # The reason first: after a crash no file lies here unexplained.
            durable.write(self._root / reason_key(key), json.dumps({"reason": reason}).encode())
            durable.move(spooled, target)
        return key

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        key = result_key(study_instance_uid, sop_instance_uid, part10)
        with durable.translated():
            durable.write(self._root / key, part10)
        return key

    def path(self, key: str) -> Path:
        return self._root / check_key(key)

    def keys(self) -> Iterator[str]:
        """Yield the name of every file that is kept, with what explains it."""
        for name in (STUDIES, RESULTS, QUARANTINE):
            for folder, _, files in os.walk(self._root / name):
                place = Path(folder).relative_to(self._root).as_posix()
                yield from (f"{place}/{each}" for each in files if not each.startswith("."))

    def adopt(self, key: str, source: Path) -> bool:
        """Keep a copy of `source`, from another archive, as `key`; False if it is held already."""
        target = self._root / check_key(key)
        with durable.translated():
            if target.is_file() and _same(source, target):
                return False
            arriving = self.spool()
            try:
                shutil.copyfile(source, arriving)
                durable.move(arriving, target)
            finally:
                self.discard(arriving)
        return True


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        digests = [hashlib.file_digest(each, "sha256").digest() for each in (first, second)]
    return digests[0] == digests[1]
