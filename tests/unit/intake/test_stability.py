"""When a Study is stable."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from inference.domain.errors import RepositoryUnavailable
from inference.domain.instance import Instance
from inference.domain.job import JobRequest
from inference.domain.rule import Awaited, Rule
from inference.domain.study import Study, StudyState
from inference.fakes.clock import FixedClock
from inference.fakes.memory import MemoryIndex, MemoryJobQueue, MemoryStore
from inference.intake import stability as stability_module
from inference.intake.rules import RuleBook
from inference.intake.stability import Stability
from inference.ports import Service
from tests.contracts.repositories import STUDY, make_instance
from tests.unit.intake.registry import NamedModels

QUIET = timedelta(seconds=10)
PATIENCE = 60.0  # seconds that a test waits before it fails
ANY = Rule("any", "chest")
BOTH = Rule("both", "chest", waits_for=(Awaited("PA"), Awaited("LAT")))


class Ward:
    def __init__(self, *rules: Rule) -> None:
        self.store = MemoryStore()
        self.index = MemoryIndex(self.store)
        self.clock = FixedClock()
        self.stable = threading.Semaphore(0)
        self.book = RuleBook(rules or (ANY,), NamedModels(chest="1"))
        self.stability = Stability(self.index, self.book, self.clock, self.stable.release)

    def burst(self, *numbers: int, study: str = STUDY, description: str = "") -> None:
        for number in numbers:
            instance = make_instance(
                f"{study}.1.{number}", study=study, series_description=description
            )
            self.index.add(instance, self.clock.now(), QUIET)

    def study(self, study: str = STUDY) -> Study:
        found = self.index.study(study)
        assert found is not None
        return found

    def read(self) -> list[tuple[int, int]]:
        """Return revision and number of Instances of each Job, the oldest first."""
        jobs = MemoryJobQueue(self.store).jobs()
        return [(job.request.revision, len(job.request.instances)) for job in reversed(jobs)]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_bursts_with_shorter_pauses_are_one_revision(ward: Ward) -> None:
    for numbers in ((1, 2), (3,), (4, 5, 6)):
        ward.burst(*numbers)
        ward.clock.advance(9.999)
        assert ward.stability.tick() == 0
    ward.clock.advance(0.001)
    assert ward.stability.tick() == 1
    assert ward.stability.tick() == 0
    assert (ward.study().state, ward.study().revision) == (StudyState.STABLE, 1)
    assert ward.read() == [(1, 6)]


def test_a_burst_after_that_is_the_next_revision(ward: Ward) -> None:
    ward.burst(1, 2)
    ward.clock.advance(10)
    ward.stability.tick()
    ward.burst(3, 4)
    ward.stability.tick()
    assert ward.read() == [(1, 2)]
    ward.clock.advance(10)
    ward.stability.tick()
    assert ward.read() == [(1, 2), (2, 4)]
    assert not ward.index.account().problems


def test_a_copy_of_what_is_held_makes_no_revision(ward: Ward) -> None:
    ward.burst(1)
    ward.clock.advance(10)
    ward.stability.tick()
    ward.burst(1)
    ward.clock.advance(100)
    assert ward.stability.tick() == 0


def test_studies_do_not_wait_for_each_other(ward: Ward) -> None:
    ward.burst(1, study="1.1")
    ward.clock.advance(6)
    ward.burst(1, study="1.2")
    ward.clock.advance(4)
    assert ward.stability.tick() == 1
    assert ward.study("1.1").state is StudyState.STABLE
    assert ward.study("1.2").state is StudyState.RECEIVING


def test_a_restart_forgets_nothing(ward: Ward) -> None:
    ward.burst(1)
    ward.clock.advance(3600)
    assert Stability(ward.index, ward.book, ward.clock).tick() == 1


def test_a_study_that_somebody_completed_is_stable_at_once(ward: Ward) -> None:
    ward.burst(1)
    ward.index.complete(STUDY, ward.clock.now())
    assert ward.stability.tick() == 1


def test_a_study_is_stable_when_all_that_is_awaited_is_there() -> None:
    ward = Ward(BOTH)
    ward.burst(1, description="Thorax PA")
    assert ward.stability.tick() == 0
    ward.burst(2, description="Thorax LAT")
    assert ward.stability.tick() == 1
    assert ward.read() == [(1, 2)]


def test_late_images_of_a_complete_study_wait_for_quiet() -> None:
    ward = Ward(BOTH)
    ward.burst(1, description="PA")
    ward.burst(2, description="LAT")
    ward.stability.tick()
    for number in (3, 4, 5):
        ward.burst(number)
        assert ward.stability.tick() == 0
    ward.clock.advance(10)
    assert ward.stability.tick() == 1
    assert ward.read() == [(1, 2), (2, 5)]


def test_what_never_comes_is_not_waited_for() -> None:
    ward = Ward(BOTH)
    ward.burst(1, description="PA")
    ward.clock.advance(10)
    assert ward.stability.tick() == 1


def test_instances_are_not_read_again_before_more_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ward = Ward(BOTH)
    reads: list[str] = []
    read = ward.index.instances

    def counted(study_instance_uid: str) -> Sequence[Instance]:
        reads.append(study_instance_uid)
        return read(study_instance_uid)

    monkeypatch.setattr(ward.index, "instances", counted)
    ward.burst(1, description="PA")
    for _ in range(5):
        ward.stability.tick()
    assert len(reads) == 1
    ward.burst(2)
    ward.stability.tick()
    assert len(reads) == 2


def test_an_image_that_arrives_meanwhile_starts_the_quiet_period_again(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.burst(1)
    ward.clock.advance(10)
    read = ward.index.instances

    def overtaken(study_instance_uid: str) -> Sequence[Instance]:
        found = read(study_instance_uid)
        ward.burst(2)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(ward.index, "instances", overtaken)
        assert ward.stability.tick() == 0
    assert ward.read() == []
    ward.clock.advance(10)
    assert ward.stability.tick() == 1
    assert ward.read() == [(1, 2)]


def test_a_study_that_cannot_be_closed_does_not_hold_up_the_others(
    ward: Ward, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ward.burst(1, study="1.1")
    ward.burst(1, study="1.2")
    ward.clock.advance(10)
    requests = ward.book.requests

    def broken(study: Study, instances: Sequence[Instance]) -> tuple[JobRequest, ...]:
        if study.study_instance_uid == "1.1":
            raise ZeroDivisionError
        return requests(study, instances)

    monkeypatch.setattr(RuleBook, "requests", lambda _, *arguments: broken(*arguments))
    assert ward.stability.tick() == 1
    assert ward.study("1.1").state is StudyState.RECEIVING
    assert ward.study("1.2").state is StudyState.STABLE
    assert "cannot make Study 1.1 stable" in caplog.text


def test_a_database_that_is_not_there_is_reported_by_a_tick(ward: Ward) -> None:
    ward.burst(1)
    ward.clock.advance(10)
    ward.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        ward.stability.tick()


class TestRunning:
    """The thread. It would pause for an hour, so only waking it can make these pass."""

    @pytest.fixture(autouse=True)
    def _long_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stability_module, "_LONGEST_PAUSE", 3600.0)

    @pytest.fixture
    def running(self, ward: Ward) -> Iterator[Ward]:
        service: Service = ward.stability
        service.start()
        yield ward
        service.stop()
        assert not [each for each in threading.enumerate() if each.name == service.name]

    def test_it_closes_what_is_due_when_it_is_woken(self, running: Ward) -> None:
        for number in (1, 2):
            running.burst(number)
            running.clock.advance(10)
            running.stability.wake()
            assert running.stable.acquire(timeout=PATIENCE)
        assert running.read() == [(1, 1), (2, 2)]

    def test_it_finds_at_its_start_what_was_due(self, ward: Ward) -> None:
        ward.burst(1)
        ward.clock.advance(10)
        ward.stability.start()
        assert ward.stable.acquire(timeout=PATIENCE)
        ward.stability.stop()
        ward.stability.stop()  # harmless

    def test_it_survives_a_database_that_is_not_there(
        self, running: Ward, caplog: pytest.LogCaptureFixture
    ) -> None:
        failed = threading.Event()
        handler = logging.Handler()
        handler.emit = lambda record: failed.set()  # type: ignore[method-assign]
        logging.getLogger(stability_module.__name__).addHandler(handler)
        try:
            running.burst(1)
            running.clock.advance(10)
            running.store.unavailable = True
            running.stability.wake()
            assert failed.wait(PATIENCE)
        finally:
            logging.getLogger(stability_module.__name__).removeHandler(handler)
        running.store.unavailable = False
        running.stability.wake()
        assert running.stable.acquire(timeout=PATIENCE)

    def test_it_wakes_by_itself_when_the_next_study_is_due(self, ward: Ward) -> None:
        class Passing(FixedClock):
            """Each look takes a second, so that time passes without anybody waking."""

            def now(self) -> datetime:
                return self.advance(1)

        ward.stability = Stability(ward.index, ward.book, Passing(), ward.stable.release)
        ward.burst(1)
        # Due in 0.05 seconds of real time by the time that the thread pauses.
        ward.index.complete(STUDY, ward.clock.now() + timedelta(seconds=2.05))
        ward.stability.start()
        assert ward.stable.acquire(timeout=PATIENCE)
        ward.stability.stop()
