"""Somebody says what became of bytes that were set aside; what is archived never changes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from inference.domain.errors import (
    ConflictingInstance,
    IncidentResolved,
    InvalidResolution,
    RepositoryUnavailable,
    UnknownIncident,
    UnreadableInstance,
)
from inference.domain.incident import Decision, Incident, IncidentState
from inference.domain.instance import Receipt
from inference.domain.retention import Claim
from inference.fakes.comparer import FakeImageComparer
from inference.fakes.memory import MemoryIncidents, MemoryRemovals, MemoryWorkitems
from inference.intake.comparing import Evidence
from inference.intake.incidents import IncidentDesk
from inference.intake.retention import Retention
from tests.unit.intake.test_door import ORIGIN, UID, House
from tests.unit.intake.test_retention import retire


class Desk(IncidentDesk):
    def __init__(self, house: House) -> None:
        self.removals = MemoryRemovals(house.store, MemoryWorkitems(house.store))
        self.retention = Retention(self.removals, house.archive, house.clock)
        self.comparer = FakeImageComparer()
        evidence = Evidence(house.index, house.archive, self.comparer)
        super().__init__(MemoryIncidents(house.store), self.retention, house.clock, evidence)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def desk(house: House) -> Desk:
    house.receive()
    conflict(house)
    return Desk(house)


def conflict(house: House, payload: bytes = b"other") -> None:
    with pytest.raises(ConflictingInstance):
        house.receive(payload=payload)


def rubbish(house: House) -> None:
    spooled = house.archive.spool()
    spooled.write_bytes(b"\0" * 200)
    with pytest.raises(UnreadableInstance):
        house.door.receive(spooled, ORIGIN)


def kept(desk: Desk, number: int = 1, *, remove: bool = False) -> Incident:
    return desk.resolve(number, Decision.KEPT, " sent twice ", " ann ", remove=remove)


def test_an_incident_says_what_it_contradicts(house: House, desk: Desk) -> None:
    found, held = desk.find(1), house.index.find(UID)
    assert held is not None
    assert found.against == held.sha256
    assert found.sha256 == house.archive.digest(house.archive.path(found.key))
    assert found.size == house.archive.path(found.key).stat().st_size


def test_a_decision_is_kept_with_who_and_why(house: House, desk: Desk) -> None:
    done = kept(desk)
    assert done.state is IncidentState.RESOLVED
    assert done.resolution is not None
    assert (done.resolution.why, done.resolution.who) == ("sent twice", "ann")
    assert done.resolution.at == house.clock.now()
    assert house.archive.path(done.key).is_file()
    (image,) = house.files("studies")
    assert image.read_bytes().endswith(b"px")


def test_a_decision_stands(house: House, desk: Desk) -> None:
    kept(desk)
    with pytest.raises(IncidentResolved):
        kept(desk)
    conflict(house)
    assert (desk.find(1).times, len(house.store.incidents)) == (2, 1)
    conflict(house, b"yet others")
    assert desk.find(2).state is IncidentState.OPEN


def test_nothing_is_resolved_without_who_and_why(house: House, desk: Desk) -> None:
    for why, who in (("", "ann"), ("because", " "), ("x" * 2001, "ann"), ("because", "x" * 201)):
        with pytest.raises(InvalidResolution):
            desk.resolve(1, Decision.KEPT, why, who)
    with pytest.raises(UnknownIncident):
        kept(desk, 9)
    assert desk.find(1).state is IncidentState.OPEN


def test_what_is_unreadable_contradicts_nothing_that_could_stand(house: House, desk: Desk) -> None:
    rubbish(house)
    with pytest.raises(InvalidResolution, match="resent or dismissed"):
        kept(desk, 2)
    assert desk.resolve(2, Decision.DISMISSED, "a port scan", "ann").resolution


def test_bytes_may_go_at_once(house: House, desk: Desk) -> None:
    done = kept(desk, remove=True)
    assert (done.key, done.removed_at) == ("", house.clock.now())
    assert house.files("quarantine") == []
    assert house.archive.reasons == {}
    assert len(house.files("studies")) == 1
    conflict(house)
    again = desk.find(1)
    assert house.archive.path(again.key).is_file()
    assert again.state is IncidentState.RESOLVED
    assert desk.remove([1]) == 1
    assert house.files("quarantine") == []


def test_retention_waits_for_the_decision_and_takes_the_bytes_along(
    house: House, desk: Desk
) -> None:
    terms = retire(house)
    (weighed,) = desk.retention.sweep(desk.retention.due(terms), terms)
    assert weighed.claims == (Claim.QUARANTINED,)
    kept(desk)
    (weighed,) = desk.retention.sweep(desk.retention.due(terms), terms)
    assert weighed.claims == ()
    assert house.files("studies") == house.files("quarantine") == []
    assert desk.find(1).key == ""
    assert house.receive(payload=b"other") is Receipt.STORED  # now it contradicts nothing


def test_what_belongs_to_no_study_goes_after_a_while(house: House, desk: Desk) -> None:
    rubbish(house)
    desk.resolve(2, Decision.DISMISSED, "a port scan", "ann")
    assert desk.settled(house.clock.now()) == []
    house.clock.advance(100)
    before = house.clock.now() - timedelta(seconds=50)
    assert list(desk.settled(before)) == [2]
    assert desk.remove(desk.settled(before)) == 1
    assert len(house.files("quarantine")) == 1


def test_a_file_that_cannot_be_removed_is_left_to_the_next(house: House, desk: Desk) -> None:
    class Away(type(house.archive)):  # type: ignore[misc]
        def remove(self, key: str) -> None:
            raise RepositoryUnavailable

    broken = Desk(house)
    broken.retention._archive = Away(house.archive.root)
    with pytest.raises(RepositoryUnavailable):
        kept(broken, remove=True)
    assert desk.find(1).key == ""
    assert len(house.files("quarantine")) == 1
    conflict(house)  # while the first file has still to go
    assert len(house.files("quarantine")) == 2
    assert desk.retention.finish() == 1
    assert house.archive.path(desk.find(1).key).is_file()
