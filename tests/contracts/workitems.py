"""What every Workitems promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from inference.domain import workitem as ups
from inference.domain.job import JobState
from inference.domain.matching import AnyOf, Between, Empty, Like
from inference.domain.workitem import StepState, Workitem, element
from inference.domain.workitem_search import Key, KeyCondition, WorkitemSearch
from tests.contracts.repositories import (
    STUDY,
    T0,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_request,
    make_result,
)


def code(value: str, scheme: str = "99TEST") -> dict[str, Any]:
    return {
        ups.CODE_VALUE: element("SH", value),
        ups.CODING_SCHEME: element("SH", scheme),
        ups.CODE_MEANING: element("LO", f"« {value} »"),
    }


def make_workitem(number: int = 1, **changes: Any) -> Workitem:
    values: dict[str, Any] = {
        "workitem_uid": f"2.25.{number}",
        "state": StepState.SCHEDULED,
        "data": {
            ups.PATIENT_NAME: element("PN", {"Alphabetic": "Müller^Ann", "Ideographic": "山田"}),
            ups.PATIENT_ID: element("LO", f"P{number}"),
            ups.START: element("DT", f"2026010{number}120000+0100"),
            ups.WORKITEM_CODE: element("SQ", code("read"), code("think", "99OTHER")),
            ups.STATIONS: element("SQ"),
            ups.READINESS: element("CS", "READY"),
            ups.REQUESTS: element("SQ", {ups.ACCESSION_NUMBER: element("SH", f"A{number}")}),
        },
        "created_at": T0,
        "modified_at": T0,
    }
    return Workitem(**values | changes)


def become(item: Workitem, state: StepState, **changes: Any) -> Workitem:
    return replace(item, state=state, modified_at=at(1), **changes)


class WorkitemsContract(RepositoriesContract):
    def found(self, repositories: Repositories, *conditions: tuple[Key, Any]) -> list[str]:
        search = WorkitemSearch(tuple(KeyCondition(*each) for each in conditions))
        return [each.workitem_uid[5:] for each in repositories.workitems.search(search)]

    def test_a_workitem_is_found_as_it_was(self, repositories: Repositories) -> None:
        item = make_workitem(transaction_uid="1.2")
        assert repositories.workitems.add(item, ())
        assert repositories.workitems.find("2.25.1") == item
        assert repositories.workitems.find("2.25.2") is None

    def test_a_uid_is_taken_once(self, repositories: Repositories) -> None:
        assert repositories.workitems.add(make_workitem(), ())
        assert not repositories.workitems.add(make_workitem(data={}), ())
        assert repositories.workitems.find("2.25.1") == make_workitem()

    def test_it_is_written_over_the_version_that_was_read(self, repositories: Repositories) -> None:
        repositories.workitems.add(make_workitem(), ())
        claimed = become(make_workitem(), StepState.IN_PROGRESS, transaction_uid="1.1")
        assert repositories.workitems.replace(claimed, ())
        assert not repositories.workitems.replace(replace(claimed, transaction_uid="1.2"), ())
        assert repositories.workitems.find("2.25.1") == replace(claimed, version=1)
        assert not repositories.workitems.replace(make_workitem(2), ())

    def test_of_many_who_claim_at_once_one_wins(self, repositories: Repositories) -> None:
        repositories.workitems.add(make_workitem(), ())

        def claim(number: int) -> bool:
            item = make_workitem(transaction_uid=f"1.{number}")
            return repositories.workitems.replace(become(item, StepState.IN_PROGRESS), ())

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(claim, range(8)))
        held = repositories.workitems.find("2.25.1")
        assert won.count(True) == 1
        assert held is not None
        assert held.transaction_uid == f"1.{won.index(True)}"

    @pytest.mark.parametrize(
        ("conditions", "numbers"),
        [
            ([], "123"),
            ([(Key.PATIENT_ID, AnyOf(("P2",)))], "2"),
            ([(Key.PATIENT_ID, AnyOf(("p2",)))], ""),
            ([(Key.PATIENT_ID, Like("P?"))], "123"),
            ([(Key.PATIENT_ID, Like("?[2]"))], ""),
            ([(Key.PATIENT_NAME, Like("muller*"))], "123"),
            ([(Key.PATIENT_NAME, AnyOf(("山田",)))], "123"),
            ([(Key.START, Between("20260102000000.000000", ""))], "23"),
            ([(Key.START, Between("", "20260101110000.000000"))], "1"),
            ([(Key.START, Between("20260101110000.000001", "20260102110000.000000"))], "2"),
            ([(Key.STATE, AnyOf(("IN PROGRESS", "COMPLETED")))], "3"),
            ([(Key.STATE, AnyOf(("SCHEDULED",))), (Key.PATIENT_ID, AnyOf(("P3",)))], ""),
            ([(Key.ACCESSION, AnyOf(("A1",)))], "1"),
            ([(Key.STATION_CODE, Empty())], "123"),
            ([(Key.PATIENT_ID, Empty())], ""),
            ([(Key.SOP_INSTANCE, AnyOf(("2.25.3",)))], "3"),
            ([(Key.WORKITEM_CODE, AnyOf(("think",)))], "123"),
        ],
    )
    def test_workitems_are_found_by_what_they_say(
        self, repositories: Repositories, conditions: list[tuple[Key, Any]], numbers: str
    ) -> None:
        for number in (1, 2, 3):
            repositories.workitems.add(make_workitem(number), ())
        repositories.workitems.replace(become(make_workitem(3), StepState.IN_PROGRESS), ())
        assert self.found(repositories, *conditions) == list(numbers)

    def test_one_item_of_a_sequence_matches_all_that_is_said_of_it(
        self, repositories: Repositories
    ) -> None:
        repositories.workitems.add(make_workitem(), ())
        for value, scheme, numbers in (
            ("read", "99TEST", ["1"]),
            ("think", "99OTHER", ["1"]),
            ("read", "99OTHER", []),
        ):
            sought = (Key.WORKITEM_CODE, AnyOf((value,))), (Key.WORKITEM_SCHEME, AnyOf((scheme,)))
            assert self.found(repositories, *sought) == numbers

    def test_what_it_said_before_no_longer_finds_it(self, repositories: Repositories) -> None:
        item = make_workitem()
        repositories.workitems.add(item, ())
        data = {**item.data, ups.READINESS: element("CS", "INCOMPLETE")}
        repositories.workitems.replace(replace(item, data=data), ())
        assert self.found(repositories, (Key.READINESS, AnyOf(("READY",)))) == []
        assert self.found(repositories, (Key.READINESS, AnyOf(("INCOMPLETE",)))) == ["1"]

    def test_pages_are_cut_out_of_the_list_the_oldest_first(
        self, repositories: Repositories
    ) -> None:
        for number in (3, 1, 2):
            repositories.workitems.add(make_workitem(number), ())
        search = WorkitemSearch(limit=1, offset=1)
        (item,) = repositories.workitems.search(search)
        assert item.workitem_uid == "2.25.1"

    def test_a_request_becomes_a_job_in_one_step(self, repositories: Repositories) -> None:
        repositories.receive()
        repositories.workitems.add(make_workitem(), ())
        assert repositories.workitems.perform(make_workitem(), make_request(), at(1))
        (job,) = repositories.queue.jobs()
        item = repositories.workitems.find("2.25.1")
        assert item is not None
        assert (item.job_id, item.version) == (job.job_id, 1)
        assert repositories.workitems.performed() == ()
        lease = repositories.claim(1)
        assert repositories.workitems.performed() == ((item, lease.job),)
        begun = become(item, StepState.IN_PROGRESS)
        repositories.workitems.replace(begun, ())
        repositories.queue.retry(lease, "broke", T0)
        ((_, job),) = repositories.workitems.performed()
        assert job.error == "broke"
        repositories.workitems.replace(become(replace(begun, version=2), StepState.CANCELED), ())
        assert repositories.workitems.performed() == ()

    def test_a_job_that_is_there_performs_it_too(self, repositories: Repositories) -> None:
        repositories.enqueue()
        repositories.workitems.add(make_workitem(), ())
        assert repositories.workitems.perform(make_workitem(), make_request(), at(1))
        assert len(repositories.queue.jobs()) == 1

    def test_what_somebody_claimed_meanwhile_becomes_no_job(
        self, repositories: Repositories
    ) -> None:
        repositories.receive()
        repositories.workitems.add(make_workitem(), ())
        repositories.workitems.replace(become(make_workitem(), StepState.IN_PROGRESS), ())
        assert not repositories.workitems.perform(make_workitem(), make_request(), at(1))
        assert repositories.queue.jobs() == ()

    def test_what_waits_is_scheduled_ready_and_nobody_s(self, repositories: Repositories) -> None:
        repositories.receive()
        later = {**make_workitem().data, ups.READINESS: element("CS", "UNAVAILABLE")}
        for item in (make_workitem(1), make_workitem(2), make_workitem(3, data=later)):
            repositories.workitems.add(item, ())
        repositories.workitems.perform(make_workitem(1), make_request(), T0)
        repositories.workitems.add(make_workitem(4), ())
        uids = [each.workitem_uid for each in repositories.workitems.waiting()]
        assert uids == ["2.25.2", "2.25.4"]
        (first,) = repositories.workitems.waiting(limit=1)
        (second,) = repositories.workitems.waiting(after=first.workitem_uid)
        assert second.workitem_uid == "2.25.4"

    def test_jobs_without_a_workitem_are_told(self, repositories: Repositories) -> None:
        repositories.enqueue(revision=1)
        repositories.enqueue(revision=2)
        repositories.enqueue(revision=3, shadow=True)
        first, second = repositories.workitems.unlisted(0)
        assert [each.request.revision for each in (first, second)] == [1, 2]
        repositories.workitems.add(make_workitem(job_id=first.job_id, own=True), ())
        assert repositories.workitems.unlisted(0) == (second,)
        assert repositories.workitems.unlisted(0, limit=0) == ()
        repositories.workitems.add(make_workitem(2, job_id=second.job_id, own=True), ())
        assert repositories.workitems.unlisted(0) == ()

    def test_a_job_that_runs_again_needs_a_new_workitem(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        number = lease.job.job_id
        repositories.workitems.add(make_workitem(job_id=number, own=True), ())
        repositories.results.record(lease, make_failure(), [])
        ended = become(make_workitem(job_id=number, own=True), StepState.CANCELED)
        repositories.workitems.replace(ended, ())
        assert repositories.workitems.unlisted(number) == ()
        repositories.queue.replay(number, at(9))
        (job,) = repositories.workitems.unlisted(number)
        assert (job.job_id, job.state) == (number, JobState.QUEUED)

    def test_a_job_that_ended_before_anybody_looked_is_told_once(
        self, repositories: Repositories
    ) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_result(), [])
        (job,) = repositories.workitems.unlisted(0)
        assert job.state is JobState.DONE
        assert repositories.workitems.unlisted(job.job_id) == ()

    def test_the_study_of_a_workitem_need_not_be_held(self, repositories: Repositories) -> None:
        data = {**make_workitem().data, ups.STUDY_UID: element("UI", STUDY)}
        repositories.workitems.add(make_workitem(data=data), ())
        assert self.found(repositories, (Key.STUDY, AnyOf((STUDY,)))) == ["1"]
