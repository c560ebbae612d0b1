"""What every CensusTaker promises."""

from __future__ import annotations

from collections import Counter

from inference.domain.census import Queued
from inference.domain.instance import Priority
from inference.domain.job import JobState
from inference.domain.study import StudyState
from tests.contracts.repositories import (
    LEASE,
    MODEL,
    Repositories,
    RepositoriesContract,
    at,
    make_request,
    make_result,
)


class CensusContract(RepositoriesContract):
    def test_nothing_is_there_at_first(self, repositories: Repositories) -> None:
        census = repositories.census.take()
        assert census.studies == census.jobs == census.waiting == census.failed == {}
        assert census.queued == ()
        assert (census.instances, census.removed, census.incidents) == (0, 0, {})
        assert (census.to_compare, census.resolved) == ({}, {})

    def test_instances_are_those_of_all_studies(self, repositories: Repositories) -> None:
        repositories.receive("1.2.3")
        repositories.receive("1.2.4")
        census = repositories.census.take()
        assert (census.instances, census.removed) == (2, 0)

    def test_studies_by_state(self, repositories: Repositories) -> None:
        repositories.receive("1.2.3")
        study = repositories.receive("1.2.4")
        repositories.index.close_revision(study, [], at(20))
        assert repositories.census.take().studies == Counter(StudyState)

    def test_jobs_that_wait_by_model_and_priority(self, repositories: Repositories) -> None:
        repositories.receive()
        repositories.queue.enqueue([make_request(revision=1)], at(0))
        repositories.queue.enqueue([make_request(revision=2)], at(5))
        repositories.queue.enqueue([make_request(revision=3, priority=Priority.HIGH)], at(7))
        repositories.queue.enqueue([make_request(revision=1, model=None)], at(9))
        medium = make_request().priority
        assert repositories.census.take().queued == (
            Queued("", medium, 1, at(9)),
            Queued(MODEL.name, medium, 2, at(0)),
            Queued(MODEL.name, Priority.HIGH, 1, at(7)),
        )

    def test_a_claimed_job_waits_no_longer(self, repositories: Repositories) -> None:
        repositories.receive()
        repositories.queue.enqueue([make_request()], at(0))
        lease = repositories.queue.claim("w", at(1), LEASE)
        census = repositories.census.take()
        assert census.queued == ()
        assert census.jobs == {(JobState.RUNNING, MODEL.name): 1}
        assert lease is not None

    def test_a_job_in_shadow_waits_and_is_not_counted(self, repositories: Repositories) -> None:
        repositories.receive()
        repositories.queue.enqueue([make_request(shadow=True)], at(0))
        census = repositories.census.take()
        assert [each.jobs for each in census.queued] == [1]
        assert census.jobs == {}

    def test_deliveries_by_destination(self, repositories: Repositories) -> None:
        repositories.receive()
        for revision in (1, 2, 3):
            repositories.queue.enqueue([make_request(revision=revision)], at(revision))
            lease = repositories.queue.claim("w", at(10), LEASE)
            assert lease is not None
            repositories.results.record(lease, make_result(revision=revision), ["pacs"])
        first = repositories.outbox.claim(at(20_000_000), LEASE)
        second = repositories.outbox.claim(at(20_000_000), LEASE)
        assert first is not None
        assert second is not None
        repositories.outbox.delivered(first, at(20_000_001))
        repositories.outbox.fail(second, "refused")
        census = repositories.census.take()
        assert census.waiting == {"pacs": 1}
        assert census.failed == {"pacs": 1}
        assert census.jobs == {(JobState.DONE, MODEL.name): 3}
