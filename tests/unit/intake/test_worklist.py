"""The desk of the worklist: what others create, claim, change and subscribe to."""

from __future__ import annotations

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
from inference.domain.workitem import StepState, element, text
from inference.domain.workitem_event import FILTERED, GLOBAL, EventKind
from inference.ports import Subscription
from tests.contracts.repositories import STUDY
from tests.support.worklist import new_step, performed_step, reading_step
from tests.unit.intake.worklist_bench import FIRST, Bench


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
