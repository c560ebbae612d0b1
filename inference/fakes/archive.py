"""An Archive for tests: real files in a temporary folder, in a format of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from inference.domain.errors import DamagedFile, OutOfSpace, UnreadableInstance
from inference.domain.instance import Attributes, Description
from inference.domain.uid import check_uid


class FakeArchive:
    """Implements `Archive` without DICOM: `encode` makes what `describe` reads.

    Set `full` to have `check_space` raise. `reasons` tells why a key is in quarantine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.full = False
        self.reasons: dict[str, str] = {}

    @staticmethod
    def encode(description: Description, payload: bytes = b"") -> bytes:
        """Return the bytes of a spooled file: a line of JSON, then the "data set"."""
        return json.dumps(asdict(description)).encode() + b"\n" + payload

    def put(self, description: Description, payload: bytes = b"") -> Path:
        """Spool a file that says `description`."""
        path = self.spool()
        path.write_bytes(self.encode(description, payload))
        return path

    def check_space(self) -> None:
        if self.full:
            raise OutOfSpace

    def spool(self) -> Path:
        path = self.root / "spool" / uuid.uuid4().hex
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    def describe(self, spooled: Path) -> Description:
        if not spooled.exists():
            raise DamagedFile
        try:
            fields = json.loads(spooled.read_bytes().split(b"\n", 1)[0])
            description = Description(
                **{**fields, "attributes": Attributes(**fields["attributes"])}
            )
        except (ValueError, TypeError, KeyError) as error:
            raise UnreadableInstance from error
        uids = (
            description.study_instance_uid,
            description.series_instance_uid,
            description.sop_instance_uid,
            description.sop_class_uid,
        )
        if not all(uids):
            raise UnreadableInstance
        for uid in uids:
            check_uid(uid)
        return description

    def digest(self, spooled: Path) -> str:
        # All but the Transfer Syntax, which is in the File Meta Information of a real file.
        head, _, payload = spooled.read_bytes().partition(b"\n")
        with contextlib.suppress(ValueError, TypeError):
            head = json.dumps({**json.loads(head), "transfer_syntax_uid": ""}).encode()
        return hashlib.sha256(head + payload).hexdigest()

    def keep(self, spooled: Path, description: Description, sha256: str, removals: int = 0) -> str:
        key = PurePosixPath(
            "studies",
            check_uid(description.study_instance_uid),
            check_uid(description.series_instance_uid),
            f"{check_uid(description.sop_instance_uid)}-{sha256}-{removals}.dcm",
        )
        return self._move(spooled, str(key))

    def holds(self, key: str) -> bool:
        return self.path(key).exists()

    def adopt(self, key: str, source: Path) -> bool:
        target = self.path(key)
        if target.exists() and target.read_bytes() == source.read_bytes():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return True

    def remove(self, key: str) -> None:
        path = self.path(key)
        if not key.startswith(("studies/", "quarantine/")):
            raise ValueError("not the key of something that came in")
        path.unlink(missing_ok=True)
        self.reasons.pop(key, None)

    def quarantine(self, spooled: Path, reason: str, removals: int = 0) -> str:
        key = self._move(spooled, f"quarantine/{self.digest(spooled)}-{removals}.dcm")
        self.reasons[key] = reason
        return key

    def discard(self, spooled: Path) -> None:
        spooled.unlink(missing_ok=True)

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        name = f"{check_uid(sop_instance_uid)}-{hashlib.sha256(part10).hexdigest()}.dcm"
        key = f"results/{check_uid(study_instance_uid)}/{name}"
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(part10)
        return key

    def path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if len(parts) < 2 or parts[0] not in ("studies", "results", "quarantine") or ".." in parts:
            raise ValueError("not a key of this archive")
        return self.root.joinpath(*parts)

    def _move(self, spooled: Path, key: str) -> str:
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(spooled, target)
        return key
