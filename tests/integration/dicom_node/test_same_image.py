"""One image in two encodings, and two receivers on one database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import JPEGLSLossless, RLELossless

from dicom_node.archive import DiskArchive
from dicom_node.pixels.sameness import DicomImageComparer
from inference.domain.errors import ConflictingInstance
from inference.domain.incident import Comparison, Decision, IncidentQuery, IncidentState
from inference.domain.instance import Origin, Receipt, Source
from inference.fakes.clock import FixedClock
from inference.intake.comparing import Comparing, Evidence
from inference.intake.door import Door
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.incidents import SqlIncidents
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import wait_for
from tests.unit.dicom_node.images import image, ramp

ORIGIN = Origin(Source.DIMSE, "MODALITY", "WETREAD")


class Receiver:
    """What a process with the role receiver has; `compared` counts for all of them."""

    def __init__(self, url: str, archive: DiskArchive, compared: Counter[str]) -> None:
        self.database = Database(url)
        migrate(self.database)
        self.archive = archive
        self.index = SqlIndex(self.database)
        self.incidents = SqlIncidents(self.database)
        self.counted = compared
        self._turn = threading.Lock()
        clock = FixedClock()
        self.door = Door(archive, self.index, clock, timedelta(seconds=1))
        evidence = Evidence(self.index, archive, self)
        self.comparing = Comparing("comparing", self.incidents, evidence, clock)

    def compare(self, archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        with self._turn:
            self.counted[aside.name] += 1
        return DicomImageComparer().compare(archived, aside, stopping)

    def receive(self, made: FileDataset) -> Receipt | None:
        """Return None for a conflict."""
        spooled = self.archive.spool()
        made.save_as(spooled, enforce_file_format=True)
        try:
            return self.door.receive(spooled, ORIGIN)
        except ConflictingInstance:
            return None


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "wetread.db")
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def receivers(url: str, tmp_path: Path) -> Iterator[tuple[Receiver, Receiver]]:
    archive, compared = DiskArchive(tmp_path / "archive", 0), Counter[str]()
    found = (Receiver(url, archive, compared), Receiver(url, archive, compared))
    yield found
    for each in found:
        if each.comparing.alive:
            each.comparing.stop()
        each.database.close()


def made(syntax: str = "", changed: int = 0) -> FileDataset:
    values = ramp()
    values[9, 9] += changed
    one = image(values, bits_stored=12, PatientName="Doe^Jane", Modality="CR")
    if syntax:
        one.compress(syntax, generate_instance_uid=False)
    return one


def test_each_receiver_says_success_once_one_has_looked(
    receivers: tuple[Receiver, Receiver],
) -> None:
    one, other = receivers
    assert one.receive(made()) is Receipt.STORED
    (kept,) = one.index.instances("1.2.3")
    assert other.receive(made(RLELossless)) is None
    assert one.receive(made(JPEGLSLossless)) is None
    assert other.receive(made(RLELossless, changed=1)) is None
    # Both look, as may be where a leader is lost, and each image is looked at by one.
    for each in receivers:
        each.comparing.start()
    wanted = [Comparison.DIFFERS, Comparison.SAME, Comparison.SAME]
    wait_for(
        lambda: [each.compared for each in other.incidents.incidents(IncidentQuery())] == wanted,
        "all compared",
    )
    assert sorted(one.counted.values()) == [1, 1, 1]

    with ThreadPoolExecutor(8) as pool:
        syntaxes = [RLELossless, RLELossless, JPEGLSLossless, JPEGLSLossless] * 2
        receipts = pool.map(lambda who, how: who.receive(made(how)), receivers * 4, syntaxes)
        assert list(receipts) == [Receipt.HELD_ALREADY] * 8
    for each in receivers:
        assert each.receive(made(RLELossless, changed=1)) is None
    (opened,) = one.incidents.incidents(IncidentQuery(IncidentState.OPEN))
    assert (opened.compared, opened.times, opened.resolution) == (Comparison.DIFFERS, 3, None)
    resolved = one.incidents.incidents(IncidentQuery(decisions=(Decision.SAME,)))
    assert [(each.incident_id, each.times) for each in resolved] == [(2, 1), (1, 1)]
    assert one.index.instances("1.2.3") == (kept,)
    account = other.index.account()
    assert (account.instances, account.incidents, account.incidents_same) == (1, 3, 2)
