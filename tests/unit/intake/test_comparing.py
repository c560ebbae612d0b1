"""A conflict that is the same image, encoded otherwise, resolves itself; no other does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.domain.errors import ConflictingInstance, InvalidResolution, RepositoryUnavailable
from inference.domain.event import EventKind
from inference.domain.incident import SYSTEM, Comparison, Decision, Incident, IncidentState
from inference.domain.instance import Receipt
from inference.domain.retention import Claim
from inference.fakes.comparer import FakeImageComparer
from inference.fakes.memory import MemoryEvents, MemoryIncidents
from inference.intake import comparing
from inference.intake.comparing import Comparing, Evidence
from inference.ports import ImageComparer
from tests.contracts.comparer import ImageComparerContract
from tests.unit.intake.test_door import DESCRIPTION, UID, House
from tests.unit.intake.test_incidents import Desk, conflict, rubbish
from tests.unit.intake.test_retention import retire

RLE, CHANGED, DAMAGED = b"px|rle", b"other", b"!px|rle"


class TestFakeImageComparer(ImageComparerContract):
    @pytest.fixture
    def comparer(self) -> ImageComparer:
        return FakeImageComparer()

    def write(self, path: Path, *, pixel: int = 0, encoded: bool = False) -> Path:
        path.write_bytes(b"\n%d" % pixel + b"|rle" * encoded)
        return path

    def damaged(self, path: Path) -> Path:
        path.write_bytes(b"\n!0|rle")
        return path


class Looking(Comparing):
    """What a node runs, over what is in memory."""

    def __init__(self, house: House) -> None:
        self.comparer = FakeImageComparer()
        self.incidents = MemoryIncidents(house.store)
        evidence = Evidence(house.index, house.archive, self.comparer)
        super().__init__("comparing", self.incidents, evidence, house.clock)

    def found(self, number: int = 1) -> Incident:
        incident = self.incidents.incident(number)
        assert incident is not None
        return incident


@pytest.fixture
def house(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> House:
    caplog.set_level(logging.INFO)
    house = House(tmp_path)
    house.receive()
    return house


@pytest.fixture
def looking(house: House) -> Looking:
    return Looking(house)


def test_the_same_image_resolves_itself_and_says_who_and_why(
    house: House, looking: Looking, caplog: pytest.LogCaptureFixture
) -> None:
    before = house.files("studies")[0].read_bytes()
    conflict(house, RLE)
    assert looking.tick() == 1
    found = looking.found()
    assert found.compared is Comparison.SAME
    assert found.resolution is not None
    said = found.resolution
    assert (said.decision, said.who, said.authenticated) == (Decision.SAME, SYSTEM, True)
    assert (said.why, said.at) == ("the same image, encoded otherwise", house.clock.now())
    assert "incident 1 compared: same" in caplog.text
    # What came first stands, and what was set aside is kept as that of any resolved one.
    (kept,) = house.files("studies")
    assert kept.read_bytes() == before
    assert house.archive.path(found.key).is_file()
    *_, told = MemoryEvents(house.store).after(0)
    assert (told.kind, told.incident_id, told.detail) == (EventKind.INCIDENT_CLOSED, 1, "same")


def test_who_sends_it_again_is_told_success_and_not_before(house: House, looking: Looking) -> None:
    for _ in range(2):
        conflict(house, RLE)
    looking.tick()
    stored = house.received
    assert house.receive(payload=RLE) is Receipt.HELD_ALREADY
    assert house.receive() is Receipt.HELD_ALREADY
    assert (len(house.store.incidents), looking.found().times) == (1, 2)
    assert house.received == stored
    assert len(house.files("quarantine")) == 1
    # Other bytes of the same image are looked at first, like any.
    conflict(house, b"px|jpeg-ls")
    assert looking.found(2).state is IncidentState.OPEN


def test_it_is_no_success_where_the_archive_has_lost_the_image(
    house: House, looking: Looking
) -> None:
    conflict(house, RLE)
    looking.tick()
    (image,) = house.files("studies")
    image.unlink()
    conflict(house, RLE)
    assert looking.found().times == 2
    assert house.receive() is Receipt.HELD_ALREADY  # and it is there again
    assert house.receive(payload=RLE) is Receipt.HELD_ALREADY


def test_another_image_stays_open_and_is_looked_at_once(house: House, looking: Looking) -> None:
    conflict(house, CHANGED)
    assert [looking.tick() for _ in range(3)] == [1, 0, 0]
    conflict(house, CHANGED)
    assert looking.found().compared is Comparison.DIFFERS
    assert looking.found().state is IncidentState.OPEN
    looking.incidents.compare_again()
    assert looking.tick() == 0
    assert looking.comparer.asked == 1


def test_what_cannot_be_decoded_stays_open_and_is_tried_once_a_start(
    house: House, looking: Looking
) -> None:
    conflict(house, DAMAGED)
    assert [looking.tick() for _ in range(2)] == [1, 0]
    assert looking.found().compared is Comparison.FAILED
    looking.incidents.compare_again()
    assert [looking.tick() for _ in range(2)] == [1, 0]
    assert looking.comparer.asked == 2
    conflict(house, DAMAGED)  # still no promise


@pytest.mark.parametrize("error", [RuntimeError("Secret^Name"), OSError("away"), MemoryError()])
def test_whatever_a_decoder_raises_the_next_is_compared(
    house: House, looking: Looking, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    conflict(house, RLE)
    looking.comparer.error = error
    assert looking.tick() == 1
    assert looking.found().compared is Comparison.FAILED
    assert "Secret" not in caplog.text
    looking.comparer.error = None
    conflict(house, b"px|jpeg-ls")
    assert looking.tick() == 1
    assert looking.found(2).compared is Comparison.SAME


def test_who_died_of_it_does_not_do_it_again_at_once(house: House, looking: Looking) -> None:
    conflict(house, RLE)
    assert looking.incidents.begin(1)  # and the process was gone
    starts = []
    for _ in range(2):
        looking.incidents.compare_again()
        starts.append(looking.tick())
    assert starts == [0, 1]
    assert looking.found().compared is Comparison.SAME


def test_that_the_archive_is_away_says_nothing_of_the_image(
    house: House, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflict(house, RLE)

    def away(key: str) -> Path:
        raise RepositoryUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(house.archive, "path", away)
        assert looking.tick() == 0
    assert looking.found().compared is None
    assert looking.tick() == 1
    assert looking.found().compared is Comparison.SAME


def test_what_came_of_it_is_kept_once_the_database_is_back(
    house: House, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_PAUSE", 0)
    conflict(house, RLE)
    resolve, away = looking.incidents.resolve, iter([True, True, False])

    def sometimes(*arguments: object) -> bool:
        if next(away):
            raise RepositoryUnavailable
        return resolve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(looking.incidents, "resolve", sometimes)
    assert looking.tick() == 1
    assert looking.found().compared is Comparison.SAME


def test_what_the_archive_holds_no_more_is_compared_with_nothing(
    house: House, looking: Looking
) -> None:
    conflict(house, RLE)
    house.store.instances.clear()
    house.receive(payload=b"px|jpeg")
    assert looking.tick() == 1
    assert looking.found().compared is Comparison.FAILED
    assert looking.comparer.asked == 0


def test_what_is_unreadable_or_resolved_is_not_compared(house: House, looking: Looking) -> None:
    rubbish(house)
    conflict(house, RLE)
    Desk(house).resolve(2, Decision.DISMISSED, "no use", "ann")
    assert looking.tick() == 0
    conflict(house, RLE)  # a person has decided, and that is no promise


def test_a_person_may_decide_while_it_is_compared(house: House, looking: Looking) -> None:
    conflict(house, RLE)
    desk, compare = Desk(house), looking.comparer.compare

    def meanwhile(archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        desk.resolve(1, Decision.KEPT, "seen", "ann", remove=True)
        with pytest.raises(OSError, match="quarantine"):
            compare(archived, aside, stopping)
        return Comparison.SAME

    looking.comparer.compare = meanwhile  # type: ignore[method-assign]
    assert looking.tick() == 1
    found = looking.found().resolution
    assert found is not None
    assert (found.decision, found.who) == (Decision.KEPT, "ann")


def test_a_person_may_call_it_the_same_only_where_it_is(house: House) -> None:
    desk = Desk(house)
    for payload in (CHANGED, DAMAGED, RLE):
        conflict(house, payload)
    rubbish(house)
    for number in (1, 2, 4):
        with pytest.raises(InvalidResolution):
            desk.resolve(number, Decision.SAME, "looks alike", "ann")
        assert desk.find(number).state is IncidentState.OPEN
    done = desk.resolve(3, Decision.SAME, "looks alike", "ann").resolution
    assert done is not None
    assert (done.who, done.authenticated) == ("ann", False)
    assert house.receive(payload=RLE) is Receipt.HELD_ALREADY
    with pytest.raises(ConflictingInstance):
        house.receive(payload=CHANGED)


def test_it_holds_no_image_back_and_is_over_with_them(house: House, looking: Looking) -> None:
    conflict(house, RLE)
    desk, terms = Desk(house), retire(house)
    (weighed,) = desk.retention.sweep(desk.retention.due(terms), terms)
    assert weighed.claims == (Claim.QUARANTINED,)
    looking.tick()
    assert house.receive(payload=RLE) is Receipt.HELD_ALREADY
    (weighed,) = desk.retention.sweep(desk.retention.due(terms), terms)
    assert weighed.claims == ()
    assert house.files("studies") == house.files("quarantine") == []
    # Nothing is held that it could be the same as: it is taken, as any image that is new.
    assert house.receive(payload=RLE) is Receipt.STORED
    held = house.index.find(UID)
    assert held is not None
    assert house.archive.path(held.key).read_bytes().endswith(RLE)
    conflict(house, b"px")
    assert looking.tick() == 1
    assert house.receive(DESCRIPTION, b"px") is Receipt.HELD_ALREADY


def test_it_looks_again_and_again_and_stops_at_once(
    house: House, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_PAUSE", 0.01)
    begun = threading.Event()

    def endless(archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        begun.set()
        while not stopping():
            begun.wait(0.01)
        return Comparison.FAILED

    looking.comparer.compare = endless  # type: ignore[method-assign]
    looking.start()
    for payload in (RLE, b"px|jpeg-ls"):
        conflict(house, payload)
    assert begun.wait(10)
    assert looking.alive
    looking.stop()
    assert not looking.alive
    assert (looking.found().compared, looking.found(2).compared) == (Comparison.FAILED, None)


def test_a_database_that_is_away_at_the_start_is_waited_for(
    house: House, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_PAUSE", 0)
    again, resolve, done = iter([True, False]), looking.incidents.resolve, threading.Event()

    def compare_again() -> None:
        if next(again):
            raise RepositoryUnavailable

    def resolved(*arguments: object) -> bool:
        done.set()
        return resolve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(looking.incidents, "compare_again", compare_again)
    monkeypatch.setattr(looking.incidents, "resolve", resolved)
    conflict(house, RLE)
    looking.start()
    assert done.wait(10)
    looking.stop()
    assert looking.found().compared is Comparison.SAME
