"""Every Job is a workitem, which the keeper keeps true."""

from __future__ import annotations

import pytest

from inference.domain import workitem as ups
from inference.domain.errors import RepositoryUnavailable
from inference.domain.instance import Priority
from inference.domain.workitem import StepState, items, text
from inference.domain.workitem_event import GLOBAL
from inference.domain.workitem_search import WorkitemSearch
from inference.ports import Subscription
from tests.contracts.repositories import LEASE, STUDY, T0, make_failure, make_request
from tests.unit.intake.worklist_bench import FIRST, SECOND, Bench, outputs, states


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


def test_subscribers_are_told_that_the_node_is_back(bench: Bench) -> None:
    bench.desk.subscribe(Subscription("AE", GLOBAL))
    bench.keeper.announce()
    assert bench.told() == ["SCP_STATUS_CHANGE"]


def test_the_keeper_goes_on_after_the_database_was_away(bench: Bench) -> None:
    bench.receive(FIRST)
    bench.queue.enqueue([make_request()], T0)
    bench.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        bench.keeper.tick()
    bench.store.unavailable = False
    bench.keep()
    assert states(bench.all()) == ["SCHEDULED"]
