"""Workitems that ask this node to read a Study."""

from __future__ import annotations

from typing import Any

import pytest

from inference.domain import workitem as ups
from inference.domain.errors import InvalidWorkitem, UnknownWorkitem
from inference.domain.instance import Priority
from inference.domain.job import JobState
from inference.domain.workitem import StepState, element, text
from tests.contracts.repositories import STUDY, T0, make_failure, make_request
from tests.support.worklist import SCHEME, coded, input_of, new_step, reading_step
from tests.unit.intake.worklist_bench import FIRST, SECOND, Bench, outputs, states


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


def test_many_that_nobody_does_hold_up_none(bench: Bench) -> None:
    for number in range(150):
        bench.desk.create(f"2.25.1{number:03}", new_step())
    bench.desk.create("2.25.9", reading_step(STUDY))
    bench.receive(FIRST)
    for _ in range(3):
        bench.keeper.tick()
    assert len(bench.queue.jobs()) == 1
