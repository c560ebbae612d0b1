"""The desk and the keeper of the worklist, with everything faked but themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inference.domain import workitem as ups
from inference.domain.errors import (
    DuplicateWorkitem,
    InvalidWorkitem,
    OutOfSpace,
    RepositoryUnavailable,
    UnknownWorkitem,
    WorkitemConflict,
)
from inference.domain.instance import Priority
from inference.domain.job import Job, JobState
from inference.domain.workitem import StepState, Workitem, element, items, text
from inference.domain.workitem_event import FILTERED, GLOBAL, EventKind
from inference.domain.workitem_search import WorkitemSearch
from inference.fakes.archive import FakeArchive
from inference.fakes.clock import FixedClock
from inference.fakes.memory import (
    MemoryCursors,
    MemoryIndex,
    MemoryJobQueue,
    MemoryResults,
    MemoryStore,
    MemoryWorkitems,
)
from inference.ports import Subscription
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    STUDY,
    T0,
    make_failure,
    make_instance,
    make_request,
    make_result,
)
from tests.support.worklist import (
    SCHEME,
    WorklistBench,
    coded,
    input_of,
    new_step,
    performed_step,
    reading_step,
)

FIRST, SECOND = f"{STUDY}.1.1", f"{STUDY}.1.2"


@dataclass
class Bench:
    archive: FakeArchive
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FixedClock = field(default_factory=lambda: FixedClock(T0))

    def __post_init__(self) -> None:
        self.index = MemoryIndex(self.store)
        self.queue = MemoryJobQueue(self.store)
        self.results = MemoryResults(self.store)
        self.workitems = MemoryWorkitems(self.store)
        made = WorklistBench(
            workitems=self.workitems,
            queue=self.queue,
            index=self.index,
            results=self.results,
            cursors=MemoryCursors(self.store),
            archive=self.archive,
            clock=self.clock,
        )
        self.desk, self.keeper = made.desk, made.keeper

    def receive(self, *uids: str, stable: bool = True) -> None:
        for uid in uids:
            self.index.add(make_instance(uid, accession_number="A1"), T0, QUIET)
        if stable:
            study = self.index.study(STUDY)
            assert study is not None
            assert self.index.close_revision(study, (), T0)

    def work(self, **changes: Any) -> Job:
        """End the Job that is due."""
        lease = self.queue.claim("w", self.clock.now(), LEASE)
        assert lease is not None
        made = changes.pop("result", None) or make_result(**changes)
        self.results.record(lease, made, [])
        return lease.job

    def keep(self) -> None:
        while self.keeper.tick():
            pass

    def all(self) -> list[Workitem]:
        return [self.desk.complete(each) for each in self.desk.search(WorkitemSearch())]

    def told(self, ae_title: str = "AE") -> list[Any]:
        return [
            text(each.event.data, ups.STATE) or each.event.kind.name
            for each in self.desk.events(ae_title)
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(FakeArchive(tmp_path))


def outputs(item: Workitem) -> list[str]:
    (performed,) = items(item.data, ups.PERFORMED)
    path = (ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE)
    return [str(each) for each in ups.values(performed, ups.OUTPUTS, *path)]


def states(found: Iterable[Workitem]) -> list[str]:
    return [each.state.value for each in found]


def test_a_job_becomes_a_workitem_and_follows_it(bench: Bench) -> None:
    bench.receive(FIRST, SECOND)
    bench.desk.subscribe(Subscription("AE", GLOBAL))
    bench.queue.enqueue([make_request(priority=Priority.HIGH)], T0)
    bench.keep()
    (item,) = bench.all()
    assert (item.state, item.own) == (StepState.SCHEDULED, True)
    assert text(item.data, ups.PRIORITY) == "HIGH"
    assert text(item.data, ups.LABEL) == "Read by chest 1"
    assert text(item.data, ups.WORKITEM_CODE, ups.CODE_VALUE) == "chest"
    assert text(item.data, ups.PATIENT_NAME) == "Doe^Jané"
    assert text(item.data, ups.REQUESTS, ups.ACCESSION_NUMBER) == "A1"
    path = (ups.INPUTS, ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE)
    assert set(ups.values(item.data, *path)) == {FIRST, SECOND}
    bench.queue.claim("w", T0, LEASE)
    bench.keep()
    (item,) = bench.all()
    assert item.state is StepState.IN_PROGRESS
    bench.clock.advance(60)
    job = bench.work()
    bench.keep()
    (item,) = bench.all()
    assert item.state is StepState.COMPLETED
    assert outputs(item) == ["2.25.1", "2.25.2"]
    assert text(item.data, ups.PROGRESS_INFORMATION, ups.PROGRESS) == "100"
    assert item.job_id == job.job_id
    assert bench.told() == [
        "SCHEDULED",
        "ASSIGNED",
        "IN PROGRESS",
        "PROGRESS_REPORT",
        "COMPLETED",
    ]


@pytest.mark.parametrize("count", [50, 51])
def test_what_a_job_reads_is_told_however_much_it_is(bench: Bench, count: int) -> None:
    uids = tuple(f"{STUDY}.1.{number}" for number in range(1, count + 1))
    bench.receive(*uids, f"{STUDY}.1.999")
    bench.queue.enqueue([make_request(instances=uids)], T0)
    bench.keep()
    (item,) = bench.all()
    (series,) = items(item.data, ups.INPUTS)
    named = ups.values(series, ups.REFERENCED_SOPS, ups.REFERENCED_SOP_INSTANCE)
    assert sorted(named) == sorted(uids)
    assert text(series, ups.DICOM_RETRIEVAL, ups.RETRIEVE_AE_TITLE) == "WETREAD"
    assert text(series, ups.WADO_RETRIEVAL, ups.RETRIEVE_URL).startswith("studies/1.2.3/series/")
    (kept,) = bench.desk.search(WorkitemSearch())
    assert bool(items(kept.data, ups.INPUTS)) is (count == 50)


def test_whoever_looks_late_sees_every_state(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.desk.subscribe(Subscription("AE", GLOBAL))
    bench.queue.enqueue([make_request()], T0)
    bench.work()
    bench.keep()
    assert [each for each in bench.told() if each.isupper() and "_" not in each] == [
        "SCHEDULED",
        "ASSIGNED",
        "IN PROGRESS",
        "COMPLETED",
    ]


@pytest.mark.parametrize("failed", [True, False])
def test_what_could_not_be_read_is_canceled_with_its_reason(bench: Bench, failed: bool) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request()], T0)
    bench.work(result=make_failure(failed=failed))
    bench.keep()
    (item,) = bench.all()
    (progress,) = items(item.data, ups.PROGRESS_INFORMATION)
    assert item.state is StepState.CANCELED
    assert text(progress, ups.REASON_FOR_CANCELLATION) == "it broke"
    assert text(progress, ups.DISCONTINUATION_REASON, ups.CODE_MEANING) == "Software failure"
    assert text(progress, ups.CANCELED_AT)
    assert outputs(item) == ["2.25.1", "2.25.2"]


def test_an_attempt_that_broke_is_told_as_progress(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request()], T0)
    lease = bench.queue.claim("w", T0, LEASE)
    assert lease is not None
    bench.keep()
    bench.queue.retry(lease, "no memory", T0)
    bench.keep()
    (item,) = bench.all()
    path = (ups.PROGRESS_INFORMATION, ups.PROGRESS_DESCRIPTION)
    assert item.state is StepState.IN_PROGRESS
    assert "no memory" in text(item.data, *path)
    bench.queue.claim("w", T0, LEASE)
    bench.keep()
    (item,) = bench.all()
    assert text(item.data, *path) == "attempt 2"


def test_a_replayed_job_is_another_workitem(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request()], T0)
    job = bench.work(result=make_failure())
    bench.keep()
    bench.queue.replay(job.job_id, bench.clock.advance(5))
    bench.keep()
    assert states(bench.all()) == ["CANCELED", "SCHEDULED"]
    bench.work()
    bench.keep()
    assert states(bench.all()) == ["CANCELED", "COMPLETED"]


def test_what_is_read_in_shadow_is_on_no_list(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request(shadow=True)], T0)
    bench.keep()
    assert bench.all() == []


def test_a_job_without_a_model_is_on_the_list_too(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request(model=None, why="No rule.")], T0)
    bench.keep()
    (item,) = bench.all()
    assert text(item.data, ups.LABEL) == "No model reads this study"
    assert items(item.data, ups.WORKITEM_CODE) == ()


def test_a_request_becomes_a_job_at_once(bench: Bench) -> None:
    bench.receive(FIRST, SECOND)
    said = reading_step(STUDY, **{ups.PRIORITY: element("CS", "HIGH")})
    bench.desk.create("2.25.9", said)
    (job,) = bench.queue.jobs()
    assert set(job.request.instances) == {FIRST, SECOND}
    assert (job.request.priority, job.request.revision) == (Priority.HIGH, 1)
    bench.work()
    bench.keep()
    (item,) = bench.all()
    assert (item.workitem_uid, item.state, item.own) == ("2.25.9", StepState.COMPLETED, False)
    assert outputs(item) == ["2.25.1", "2.25.2"]


def test_a_request_waits_for_its_study_to_be_held_and_stable(bench: Bench) -> None:
    bench.desk.create("2.25.9", reading_step(STUDY))
    bench.keep()
    bench.receive(FIRST, stable=False)
    bench.keep()
    assert bench.queue.jobs() == ()
    bench.receive(SECOND)
    bench.keep()
    (job,) = bench.queue.jobs()
    assert len(job.request.instances) == 2


def test_a_request_waits_until_its_input_is_ready(bench: Bench) -> None:
    bench.receive(FIRST)
    said = reading_step(STUDY, **{ups.READINESS: element("CS", "INCOMPLETE")})
    bench.desk.create("2.25.9", said)
    bench.keep()
    assert bench.queue.jobs() == ()
    bench.desk.update("2.25.9", {ups.READINESS: element("CS", "READY")}, "")
    assert len(bench.queue.jobs()) == 1


@pytest.mark.parametrize(
    ("item", "read"),
    [
        (input_of(STUDY, SECOND), {SECOND}),
        (input_of(STUDY, series=f"{STUDY}.1"), {FIRST, SECOND}),
        (input_of(STUDY, FIRST, f"{STUDY}.1.9"), None),
        (input_of(STUDY, series="9.9"), None),
    ],
)
def test_a_request_names_what_is_read(
    bench: Bench, item: dict[str, Any], read: set[str] | None
) -> None:
    bench.receive(FIRST, SECOND)
    bench.desk.create("2.25.9", reading_step(STUDY, **{ups.INPUTS: element("SQ", item)}))
    found = [set(job.request.instances) for job in bench.queue.jobs()]
    assert found == ([] if read is None else [read])


def test_what_has_been_read_is_not_read_again(bench: Bench) -> None:
    bench.receive(FIRST, SECOND)
    bench.queue.enqueue([make_request(instances=(FIRST, SECOND))], T0)
    bench.work()
    bench.desk.create("2.25.9", reading_step(STUDY))
    bench.keep()
    assert len(bench.queue.jobs()) == 1
    found = bench.desk.find("2.25.9")
    assert found.state is StepState.COMPLETED
    assert outputs(found) == ["2.25.1", "2.25.2"]


def test_what_failed_is_tried_again_when_somebody_asks(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request(instances=(FIRST,))], T0)
    bench.work(result=make_failure())
    bench.keep()
    bench.desk.create("2.25.9", reading_step(STUDY))
    (job,) = bench.queue.jobs()
    assert job.state is JobState.QUEUED
    bench.work()
    bench.keep()
    assert bench.desk.find("2.25.9").state is StepState.COMPLETED


def test_other_instances_of_what_has_been_read_are_refused(bench: Bench) -> None:
    bench.receive(FIRST, SECOND)
    bench.queue.enqueue([make_request(instances=(FIRST,))], T0)
    bench.desk.create("2.25.9", reading_step(STUDY))
    found = bench.desk.find("2.25.9")
    assert found.state is StepState.CANCELED
    path = (ups.PROGRESS_INFORMATION, ups.REASON_FOR_CANCELLATION)
    assert "has read other instances" in text(found.data, *path)


@pytest.mark.parametrize("station", ["WETREAD", None])
def test_the_node_takes_what_names_it_or_nobody(bench: Bench, station: str | None) -> None:
    bench.receive(FIRST)
    stations = element("SQ", *([coded(station, "L")] if station else []))
    bench.desk.create("2.25.9", reading_step(STUDY, **{ups.STATIONS: stations}))
    assert len(bench.queue.jobs()) == 1


def test_the_node_leaves_what_names_another(bench: Bench) -> None:
    bench.receive(FIRST)
    others = element("SQ", coded("OTHER", "L"))
    bench.desk.create("2.25.8", reading_step(STUDY, **{ups.STATIONS: others}))
    bench.desk.create("2.25.9", new_step(**{ups.STUDY_UID: element("UI", STUDY)}))
    bench.keep()
    assert bench.queue.jobs() == ()
    assert states(bench.all()) == ["SCHEDULED", "SCHEDULED"]


@pytest.mark.parametrize(
    "said",
    [
        reading_step(STUDY, "unheard-of"),
        reading_step(STUDY, **{ups.INPUTS: element("SQ")}),
        reading_step(STUDY, **{ups.INPUTS: element("SQ", input_of("1.2"), input_of("1.3"))}),
        new_step(**{ups.STATIONS: element("SQ", coded("WETREAD", SCHEME))}),
    ],
)
def test_the_node_refuses_what_it_will_never_do(bench: Bench, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkitem):
        bench.desk.create("2.25.9", said)
    with pytest.raises(UnknownWorkitem):
        bench.desk.find("2.25.9")


@pytest.mark.parametrize("uid", [GLOBAL, FILTERED])
def test_what_stands_for_all_workitems_is_none(bench: Bench, uid: str) -> None:
    with pytest.raises(InvalidWorkitem):
        bench.desk.create(uid, new_step())


def test_nobody_claims_what_the_node_does(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.desk.create("2.25.9", reading_step(STUDY))
    with pytest.raises(WorkitemConflict):
        bench.desk.change_state("2.25.9", "IN PROGRESS", "1.2.3")
    with pytest.raises(WorkitemConflict):
        bench.desk.request_cancel("2.25.9", {}, "RIS")


def test_a_request_that_somebody_else_claimed_is_theirs(bench: Bench) -> None:
    bench.desk.create("2.25.9", reading_step(STUDY))
    assert bench.desk.change_state("2.25.9", "IN PROGRESS", "1.2.3")
    bench.receive(FIRST)
    bench.keep()
    assert bench.queue.jobs() == ()


def test_others_claim_update_and_complete(bench: Bench) -> None:
    bench.desk.create("2.25.9", new_step())
    with pytest.raises(DuplicateWorkitem):
        bench.desk.create("2.25.9", new_step())
    bench.desk.subscribe(Subscription("AE", "2.25.9"))
    assert bench.desk.change_state("2.25.9", "IN PROGRESS", "1.2.3")
    bench.desk.update("2.25.9", performed_step(), "1.2.3")
    assert bench.desk.change_state("2.25.9", "COMPLETED", "1.2.3")
    assert not bench.desk.change_state("2.25.9", "COMPLETED", "1.2.3")
    assert bench.told() == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    bench.desk.unsubscribe("AE", "2.25.9")  # it has ended with the workitem


def test_its_owner_is_asked_to_cancel(bench: Bench) -> None:
    bench.desk.create("2.25.9", new_step())
    bench.desk.subscribe(Subscription("AE", "2.25.9"))
    bench.desk.change_state("2.25.9", "IN PROGRESS", "1.2.3")
    said = {ups.REASON_FOR_CANCELLATION: element("LT", "wrong patient")}
    assert bench.desk.request_cancel("2.25.9", said, "RIS")
    assert bench.desk.find("2.25.9").state is StepState.IN_PROGRESS
    *_, last = bench.desk.events("AE")
    assert last.event.kind is EventKind.CANCEL_REQUESTED
    assert text(last.event.data, ups.REASON_FOR_CANCELLATION) == "wrong patient"


def test_what_nobody_does_is_canceled_at_once(bench: Bench) -> None:
    bench.desk.create("2.25.9", new_step())
    bench.desk.subscribe(Subscription("AE", "2.25.9"))
    assert bench.desk.request_cancel("2.25.9", {}, "RIS")
    assert not bench.desk.request_cancel("2.25.9", {}, "RIS")
    assert bench.told() == ["SCHEDULED", "IN PROGRESS", "CANCELED"]


def test_who_subscribes_with_a_lock_is_told_of_what_is_there(bench: Bench) -> None:
    for number in (1, 2):
        bench.desk.create(f"2.25.{number}", new_step())
    bench.desk.request_cancel("2.25.1", {}, "RIS")
    bench.desk.subscribe(Subscription("AE", GLOBAL, locked=True))
    bench.desk.subscribe(Subscription("OTHER", GLOBAL))
    assert [each.event.workitem_uid for each in bench.desk.events("AE")] == ["2.25.2"]
    assert bench.told("OTHER") == []


def test_what_is_not_subscribed_to_cannot_be_left(bench: Bench) -> None:
    bench.desk.create("2.25.9", new_step())
    for uid in ("2.25.9", "2.25.8", GLOBAL):
        with pytest.raises(UnknownWorkitem):
            bench.desk.unsubscribe("AE", uid)
    with pytest.raises(UnknownWorkitem):
        bench.desk.suspend("AE", FILTERED)
    with pytest.raises(InvalidWorkitem):
        bench.desk.suspend("AE", "2.25.9")
    with pytest.raises(UnknownWorkitem):
        bench.desk.subscribe(Subscription("AE", "2.25.8"))


def test_subscribers_are_not_without_number(bench: Bench) -> None:
    for number in range(200):
        bench.desk.subscribe(Subscription(f"AE{number}", GLOBAL))
    with pytest.raises(WorkitemConflict):
        bench.desk.subscribe(Subscription("ONE MORE", GLOBAL))
    bench.desk.subscribe(Subscription("AE7", GLOBAL))


def test_listeners_are_rung_until_they_leave(bench: Bench) -> None:
    heard: list[int] = []
    leave = bench.desk.listen(lambda: heard.append(1))
    bench.desk.create("2.25.1", new_step())
    leave()
    bench.desk.create("2.25.2", new_step())
    assert heard == [1]


def test_subscribers_are_told_that_the_node_is_back(bench: Bench) -> None:
    bench.desk.subscribe(Subscription("AE", GLOBAL))
    bench.keeper.announce()
    assert bench.told() == ["SCP_STATUS_CHANGE"]


def test_nothing_is_promised_without_disk_or_database(bench: Bench) -> None:
    bench.archive.full = True
    with pytest.raises(OutOfSpace):
        bench.desk.create("2.25.1", new_step())
    bench.archive.full = False
    bench.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        bench.desk.create("2.25.1", new_step())
    bench.store.unavailable = False
    assert bench.all() == []


def test_the_keeper_goes_on_after_the_database_was_away(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request()], T0)
    bench.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        bench.keeper.tick()
    bench.store.unavailable = False
    bench.keep()
    assert states(bench.all()) == ["SCHEDULED"]


def test_many_that_nobody_does_hold_up_none(bench: Bench) -> None:
    for number in range(150):
        bench.desk.create(f"2.25.1{number:03}", new_step())
    bench.desk.create("2.25.9", reading_step(STUDY))
    bench.receive(FIRST)
    for _ in range(3):
        bench.keeper.tick()
    assert len(bench.queue.jobs()) == 1
