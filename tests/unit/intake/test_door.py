"""Every way through the door, and every way to be turned away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inference.domain.errors import (
    ConflictingInstance,
    InputError,
    InvalidUid,
    OutOfSpace,
    RepositoryUnavailable,
    UnreadableInstance,
)
from inference.domain.incident import IncidentKind
from inference.domain.instance import (
    Attributes,
    Description,
    Instance,
    Origin,
    Priority,
    Receipt,
    Source,
)
from inference.fakes.archive import FakeArchive
from inference.fakes.clock import FixedClock
from inference.fakes.memory import MemoryIndex, MemoryJobQueue, MemoryResults, MemoryStore
from inference.intake.door import Door
from inference.ports import Intake
from tests.contracts.repositories import LEASE, make_object, make_request, make_result

QUIET = timedelta(seconds=7)
ORIGIN = Origin(Source.DIMSE, "MODALITY", "WETREAD", Priority.HIGH)
DESCRIPTION = Description(
    study_instance_uid="1.2.3",
    series_instance_uid="1.2.3.4",
    sop_instance_uid="1.2.3.4.5",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    attributes=Attributes(patient_id="SECRET-1", patient_name="Secret^Name", modality="DX"),
)
UID = DESCRIPTION.sop_instance_uid


class House:
    """A door with all that is behind it."""

    def __init__(self, root: Path) -> None:
        self.archive = FakeArchive(root)
        self.store = MemoryStore()
        self.index = MemoryIndex(self.store)
        self.clock = FixedClock()
        self.received = 0
        self.door: Intake = Door(self.archive, self.index, self.clock, QUIET, self.on_received)

    def on_received(self) -> None:
        self.received += 1

    def receive(self, description: Description = DESCRIPTION, payload: bytes = b"px") -> Receipt:
        return self.door.receive(self.archive.put(description, payload), ORIGIN)

    def files(self, folder: str) -> list[Path]:
        return [each for each in (self.archive.root / folder).rglob("*") if each.is_file()]


@pytest.fixture
def house(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[House]:
    caplog.set_level(logging.DEBUG)
    house = House(tmp_path)
    yield house
    assert house.files("spool") == [], "a spooled file is left"
    assert "secret" not in caplog.text.lower(), "patient data in the log"


def test_an_instance_is_stored(house: House) -> None:
    spooled = house.archive.put(DESCRIPTION, b"px")
    content = spooled.read_bytes()
    assert house.door.receive(spooled, ORIGIN) is Receipt.STORED
    instance = house.index.find(UID)
    assert instance is not None
    assert (instance.description, instance.origin) == (DESCRIPTION, ORIGIN)
    assert house.archive.path(instance.key).read_bytes() == content
    assert instance.size == len(content)
    assert instance.sha256 == house.archive.digest(house.archive.path(instance.key))
    study = house.index.study("1.2.3")
    assert study is not None
    assert study.quiet_until == house.clock.now() + QUIET
    assert study.priority is Priority.HIGH
    assert house.received == 1
    assert house.door.holds(UID)


def test_the_same_instance_again_is_held_already(house: House) -> None:
    house.receive()
    house.clock.advance(5)
    other_syntax = replace(DESCRIPTION, transfer_syntax_uid="1.2.840.10008.1.2.4.80")
    assert house.receive(other_syntax) is Receipt.HELD_ALREADY
    assert len(house.files("studies")) == 1
    assert house.received == 1
    assert house.store.incidents == []


def test_other_bytes_under_the_same_uid_are_set_aside(house: House) -> None:
    house.receive()
    with pytest.raises(ConflictingInstance):
        house.receive(payload=b"other")
    (incident,) = house.store.incidents
    assert incident.kind is IncidentKind.CONFLICT
    assert (incident.sop_instance_uid, incident.study_instance_uid) == (UID, "1.2.3")
    assert incident.origin == ORIGIN
    assert house.archive.path(incident.key).read_bytes().endswith(b"other")
    (kept,) = house.files("studies")
    assert kept.read_bytes().endswith(b"px")


class SlowIndex(MemoryIndex):
    """Does not show what another process has just added."""

    def find(self, sop_instance_uid: str) -> Instance | None:
        return None


def test_a_conflict_with_another_process_is_set_aside(house: House) -> None:
    house.receive()
    blind = Door(house.archive, SlowIndex(house.store), house.clock, QUIET)
    with pytest.raises(ConflictingInstance):
        blind.receive(house.archive.put(DESCRIPTION, b"other"), ORIGIN)
    (incident,) = house.store.incidents
    assert incident.kind is IncidentKind.CONFLICT
    assert house.archive.path(incident.key).read_bytes().endswith(b"other")
    (kept,) = house.files("studies")
    assert kept.read_bytes().endswith(b"px")


def test_the_same_from_another_process_is_held_already(house: House) -> None:
    house.receive()
    blind = Door(house.archive, SlowIndex(house.store), house.clock, QUIET)
    spooled = house.archive.put(DESCRIPTION, b"px")
    assert blind.receive(spooled, ORIGIN) is Receipt.HELD_ALREADY
    assert len(house.files("studies")) == 1


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\0" * 200, UnreadableInstance),
        (
            FakeArchive.encode(replace(DESCRIPTION, study_instance_uid="../../Secret")),
            InvalidUid,
        ),
    ],
)
def test_what_cannot_be_read_is_set_aside(
    house: House, content: bytes, error: type[InputError]
) -> None:
    spooled = house.archive.spool()
    spooled.write_bytes(content)
    with pytest.raises(error) as caught:
        house.door.receive(spooled, ORIGIN)
    (incident,) = house.store.incidents
    assert incident.kind is IncidentKind.UNREADABLE
    assert incident.reason == str(caught.value)
    assert (incident.sop_instance_uid, incident.study_instance_uid) == ("", "")
    assert house.archive.path(incident.key).read_bytes() == content
    assert house.archive.reasons[incident.key] == incident.reason
    assert house.received == 0


def test_a_result_of_another_node_is_kept_but_not_read(house: House) -> None:
    theirs = replace(DESCRIPTION, attributes=Attributes(made_by_wetread=True))
    assert house.receive(theirs) is Receipt.OWN_RESULT
    assert len(house.files("studies")) == 1
    assert house.index.account().instances == 0
    assert house.received == 0


def test_our_own_results_are_not_taken(house: House) -> None:
    queue = MemoryJobQueue(house.store)
    queue.enqueue([make_request()], house.clock.now())
    lease = queue.claim("w", house.clock.now(), LEASE)
    assert lease is not None
    MemoryResults(house.store).record(lease, make_result(), [])
    recorded = make_object(1).sop_instance_uid
    assert house.receive(replace(DESCRIPTION, sop_instance_uid=recorded)) is Receipt.OWN_RESULT

    assert house.files("studies") == []
    assert house.index.account().instances == 0
    assert house.received == 0
    assert house.door.holds(recorded)
    assert not house.door.holds(UID)


def test_a_full_archive_takes_nothing(house: House) -> None:
    house.archive.full = True
    with pytest.raises(OutOfSpace):
        house.receive()
    assert house.store.incidents == []
    house.archive.full = False
    assert house.receive() is Receipt.STORED


def test_an_index_that_is_not_there_promises_nothing(house: House) -> None:
    house.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        house.receive()
    assert house.received == 0
    house.store.unavailable = False
    assert not house.door.holds(UID)
    assert house.receive() is Receipt.STORED


class FailingIndex(MemoryIndex):
    def add(self, instance: Instance, at: datetime, quiet: timedelta, removals: int = 0) -> Receipt:
        raise RepositoryUnavailable


def test_an_index_that_fails_after_the_file_is_kept_promises_nothing(house: House) -> None:
    failing = Door(house.archive, FailingIndex(house.store), house.clock, QUIET)
    with pytest.raises(RepositoryUnavailable):
        failing.receive(house.archive.put(DESCRIPTION, b"px"), ORIGIN)
    assert len(house.files("studies")) == 1
    assert not house.door.holds(UID)
    assert house.receive() is Receipt.STORED  # takes the place of the one that was left
    assert len(house.files("studies")) == 1


def test_an_unreadable_file_is_not_lost_when_the_index_fails(house: House) -> None:
    house.store.unavailable = True
    spooled = house.archive.spool()
    with pytest.raises(RepositoryUnavailable):
        house.door.receive(spooled, ORIGIN)
    assert len(house.files("quarantine")) == 1


def test_copies_that_come_at_once(house: House) -> None:
    def receive(number: int) -> Receipt | None:
        try:
            return house.receive(payload=b"one" if number % 2 else b"two")
        except ConflictingInstance:
            return None

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(receive, range(16)))
    assert receipts.count(Receipt.STORED) == 1
    assert receipts.count(Receipt.HELD_ALREADY) == 7
    assert receipts.count(None) == 8
    assert len(house.files("studies")) == 1
    assert len(house.files("quarantine")) == len(house.store.incidents) == 1


def test_somebody_says_that_a_study_is_complete(house: House) -> None:
    assert not house.door.complete("1.2.3")
    house.receive()
    house.clock.advance(2)
    assert house.door.complete("1.2.3")
    study = house.index.study("1.2.3")
    assert study is not None
    assert study.quiet_until == house.clock.now()
    assert house.received == 2


def test_what_the_archive_has_lost_is_kept_when_it_comes_again(house: House) -> None:
    house.receive()
    (kept,) = house.files("studies")
    content = kept.read_bytes()
    kept.unlink()
    assert house.receive() is Receipt.HELD_ALREADY
    assert kept.read_bytes() == content


def test_no_success_is_promised_where_the_archive_cannot_say_what_it_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.receive()

    def away(key: str) -> bool:
        raise RepositoryUnavailable

    monkeypatch.setattr(house.archive, "holds", away)
    with pytest.raises(RepositoryUnavailable):
        house.receive()
