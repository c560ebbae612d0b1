"""The Archive in an object store that speaks S3."""

from __future__ import annotations

import json
from pathlib import Path

from dicom_node.archive import durable
from dicom_node.archive.cache import Cache
from dicom_node.archive.keys import (
    QUARANTINE,
    check_key,
    check_received_key,
    instance_key,
    quarantine_key,
    reason_key,
    result_key,
)
from dicom_node.archive.object_store import ObjectStore
from dicom_node.archive.spool import Spool
from inference.domain.errors import RepositoryUnavailable
from inference.domain.instance import Description


class S3Archive(Spool):
    """Implements `inference.ports.Archive`. `scratch` is a folder on a local disk.

    What is kept is in the object store when a method returns, and beside that in a cache of
    `cache_bytes`: what was received last is what is read next.
    """

    def __init__(
        self, store: ObjectStore, scratch: Path, low_watermark_bytes: int, cache_bytes: int
    ) -> None:
        super().__init__(scratch, low_watermark_bytes)
        self._store = store
        self._cache = Cache(self._root / "cache", cache_bytes)

    def check_space(self) -> None:
        missing = self._low_watermark_bytes - self.free_bytes()
        if missing > 0:
            # What is only a copy never makes a receiver refuse what has no other.
            self._cache.make_room(missing)
        super().check_space()

    def keep(self, spooled: Path, description: Description, sha256: str, removals: int = 0) -> str:
        # All of the digest: to look first whether a shorter one is taken, and then to put,
        # would be two requests that another receiver can come between.
        return self._keep(instance_key(description, sha256, removals), spooled)

    def holds(self, key: str) -> bool:
        # Of the store, and not of the cache: what is asked is whether others can read it.
        return self._store.holds(check_key(key))

    def remove(self, key: str) -> None:
        # Copies in the caches of other processes go when there is no more room for them.
        checked = check_received_key(key)
        self._drop(checked)
        if checked.startswith(f"{QUARANTINE}/"):
            self._drop(reason_key(checked))

    def quarantine(self, spooled: Path, reason: str, removals: int = 0) -> str:
        key = quarantine_key(self.digest(spooled), removals)
        # The reason first: no file lies there unexplained.
        self._write(reason_key(key), json.dumps({"reason": reason}).encode())
        return self._keep(key, spooled)

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        return self._write(result_key(study_instance_uid, sop_instance_uid, part10), part10)

    def path(self, key: str) -> Path:
        """Fetch the file unless it lies here. Raises `RepositoryUnavailable`."""
        checked = check_key(key)
        if found := self._cache.find(checked):
            return found
        arriving = self.spool()
        try:
            if not self._store.get(checked, arriving):
                return self._cache.path(checked)  # where nothing lies, as on a disk
            return self._cache.add(checked, arriving)
        except OSError as error:
            raise RepositoryUnavailable("The archive's scratch disk cannot be written.") from error
        finally:
            self.discard(arriving)

    def adopt(self, key: str, source: Path) -> bool:
        """Keep a copy of `source`, from another archive, as `key`; False if it is held already."""
        checked = check_key(key)
        with durable.translated():
            if self._store.holds_all(checked, source):
                return False
            self._store.put(checked, source)
        return True

    def _drop(self, key: str) -> None:
        self._store.delete(key)
        self._cache.drop(key)

    def _keep(self, key: str, spooled: Path) -> str:
        with durable.translated():
            self._store.put(key, spooled)
        self._cache.add(key, spooled)
        return key

    def _write(self, key: str, content: bytes) -> str:
        arriving = self.spool()
        try:
            with durable.translated():
                arriving.write_bytes(content)
            return self._keep(key, arriving)
        finally:
            self.discard(arriving)
