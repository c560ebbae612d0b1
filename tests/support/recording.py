"""An Intake, an Archive and Cursors that record what a way in does with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from inference.domain.errors import ConflictingInstance, UnreadableInstance
from inference.domain.instance import Description, Origin, Receipt


class RecordingIntake:
    """Holds bytes by SOP Instance UID.

    `fail` is called before each `receive`, with its number from 1 on; it may raise.
    """

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.origins: list[Origin] = []
        self.completed: list[str] = []
        self.own_results: set[str] = set()
        self.removed: set[str] = set()  # by retention, from a Study of which nothing is left
        self.received = 0
        self.fail: Callable[[int], None] = lambda number: None
        self.lock = threading.Lock()

    def receive(self, spooled: Path, origin: Origin) -> Receipt:
        with self.lock:
            self.received += 1
            self.fail(self.received)
            content = spooled.read_bytes()
            try:
                uid = str(pydicom.dcmread(spooled, stop_before_pixels=True).SOPInstanceUID)
            except (InvalidDicomError, AttributeError) as error:
                raise UnreadableInstance from error
            finally:
                spooled.unlink()
            if self.held.get(uid, content) != content:
                raise ConflictingInstance
            receipt = Receipt.HELD_ALREADY if uid in self.held else Receipt.STORED
            self.held[uid] = content
            self.origins.append(origin)
            return receipt

    def holds(self, sop_instance_uid: str) -> bool:
        return sop_instance_uid in self.held or sop_instance_uid in self.own_results

    def retired(self, sop_instance_uid: str) -> bool:
        return sop_instance_uid in self.removed and not self.held

    def complete(self, study_instance_uid: str) -> bool:
        self.completed.append(study_instance_uid)
        return True


class SpoolOnly:
    """The part of an Archive that a way in uses: `check_space`, `spool`, `discard`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.spooled = 0
        self.check: Callable[[], None] = lambda: None

    @property
    def left_over(self) -> list[Path]:
        return sorted(self.directory.iterdir())

    def check_space(self) -> None:
        self.check()

    def spool(self) -> Path:
        self.spooled += 1
        path = self.directory / f"{self.spooled}.part"
        path.touch()
        return path

    def discard(self, spooled: Path) -> None:
        spooled.unlink(missing_ok=True)

    def describe(self, spooled: Path) -> Description:
        raise NotImplementedError

    def digest(self, spooled: Path) -> str:
        raise NotImplementedError

    def keep(self, spooled: Path, description: Description, sha256: str, removals: int = 0) -> str:
        raise NotImplementedError

    def holds(self, key: str) -> bool:
        raise NotImplementedError

    def adopt(self, key: str, source: Path) -> bool:
        raise NotImplementedError

    def remove(self, key: str) -> None:
        raise NotImplementedError

    def quarantine(self, spooled: Path, reason: str, removals: int = 0) -> str:
        raise NotImplementedError

    def keep_result(self, study_instance_uid: str, sop_instance_uid: str, part10: bytes) -> str:
        raise NotImplementedError

    def path(self, key: str) -> Path:
        raise NotImplementedError


class RecordingCursors:
    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.history: list[int] = []

    def cursor(self, name: str) -> int | None:
        return self.values.get(name)

    def set_cursor(self, name: str, value: int) -> None:
        self.values[name] = value
        self.history.append(value)
