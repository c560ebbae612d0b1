"""A receiver on a free port, with an intake that does what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dicom_node.archive import DiskArchive
from dicom_node.dimse.scp import StorageScp
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import InputError
from inference.domain.instance import Origin, Receipt
from tests.support.programs import HOST
from tests.unit.dicom_node.part10 import data_set, element, part10

QUICK = Timeouts(connection=2.0, association=1.0, message=5.0, network=1.5, drain=5.0)


class RecordingIntake:
    """Keeps what comes, as the real one does; raises `error` if a test sets it."""

    def __init__(self, archive: DiskArchive) -> None:
        self.archive = archive
        self.error: Exception | None = None
        self.kept: list[tuple[Path, Origin]] = []
        self.quarantined: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def receive(self, spooled: Path, origin: Origin) -> Receipt:
        self.entered.release()
        assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        try:
            description = self.archive.describe(spooled)
        except InputError as error:
            self.quarantined.append(self.archive.quarantine(spooled, str(error)))
            raise
        key = self.archive.keep(spooled, description, self.archive.digest(spooled))
        self.kept.append((self.archive.path(key), origin))
        return Receipt.STORED

    def holds(self, sop_instance_uid: str) -> bool:
        return False

    def retired(self, sop_instance_uid: str) -> bool:
        return False

    def complete(self, study_instance_uid: str) -> bool:
        return False


class Receiver:
    def __init__(self, root: Path, **arguments: Any) -> None:
        self.archive = DiskArchive(root, arguments.pop("low_watermark_bytes", 0))
        self.intake = RecordingIntake(self.archive)
        self.root = root
        arguments = {"timeouts": Timeouts(drain=5.0), **arguments}
        self.scp = StorageScp(self.intake, self.archive, host=HOST, port=0, **arguments)

    @property
    def port(self) -> int:
        return self.scp.port

    @property
    def spooled(self) -> list[Path]:
        return list((self.root / "spool").iterdir())


@pytest.fixture
def make_receiver(tmp_path: Path) -> Iterator[Callable[..., Receiver]]:
    with ExitStack() as stack:
        count = 0

        def make(**arguments: Any) -> Receiver:
            nonlocal count
            count += 1
            receiver = Receiver(tmp_path / f"receiver-{count}", **arguments)
            receiver.scp.start()
            stack.callback(receiver.scp.stop)
            return receiver

        yield make


@pytest.fixture
def receiver(make_receiver: Callable[..., Receiver]) -> Receiver:
    return make_receiver()


@pytest.fixture
def make_instance(tmp_path: Path) -> Callable[..., Path]:
    """Write a small Part 10 file; `name` is the patient's."""

    def make(number: int = 1, name: str = "Secret^Patient", size: int = 100) -> Path:
        path = tmp_path / f"instance-{number}.dcm"
        content = data_set(
            element(0x00100010, "PN", name.encode()),
            element(0x7FE00010, "OW", bytes(size)),
            sop=f"1.2.3.4.{number}",
        )
        path.write_bytes(part10(content))
        return path

    return make
