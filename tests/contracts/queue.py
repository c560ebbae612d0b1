"""What every JobQueue promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.domain.errors import LeaseLost
from inference.domain.instance import Priority
from inference.domain.job import JobState, Lease, ModelId
from tests.contracts.repositories import (
    LEASE,
    MODEL,
    STUDY,
    T0,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_request,
    make_result,
)


class JobQueueContract(RepositoriesContract):
    def test_nothing_to_claim(self, repositories: Repositories) -> None:
        assert repositories.queue.claim("w", T0, LEASE) is None
        assert repositories.queue.job(1) is None
        assert repositories.queue.jobs() == ()

    def test_a_claimed_job_runs(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim(1)
        assert lease.job.request == make_request()
        assert lease.job.state is JobState.RUNNING
        assert (lease.job.attempts, lease.worker) == (1, "w")
        assert (lease.job.enqueued_at, lease.job.started_at) == (T0, at(1))
        assert lease.expires_at == at(1) + LEASE
        assert repositories.queue.job(lease.job.job_id) == lease.job
        assert repositories.queue.claim("w", at(2), LEASE) is None

    def test_one_job_for_each_study_revision_and_model(self, repositories: Repositories) -> None:
        repositories.receive()
        requests = [
            make_request(),
            make_request(model=ModelId(MODEL.name, "2")),
            make_request(rule="another"),
            make_request(revision=2),
            make_request(model=ModelId("other", "1")),
            make_request(model=None),
            make_request(model=None, why="again"),
        ]
        for _ in range(2):
            repositories.queue.enqueue(requests, T0)
        kept = [job.request for job in reversed(repositories.queue.jobs())]
        assert kept == [requests[0], requests[3], requests[4], requests[5]]

    def test_the_urgent_go_first_then_the_older(self, repositories: Repositories) -> None:
        repositories.receive()
        for name, priority, seconds in (
            ("low", Priority.LOW, 0),
            ("early", Priority.MEDIUM, 1),
            ("late", Priority.MEDIUM, 2),
            ("high", Priority.HIGH, 3),
        ):
            repositories.queue.enqueue(
                [make_request(model=ModelId(name, "1"), priority=priority)], at(seconds)
            )
        order = [repositories.claim(5).job.request.model for _ in range(4)]
        assert [model and model.name for model in order] == ["high", "early", "late", "low"]

    def test_a_job_is_not_claimed_before_it_is_due(self, repositories: Repositories) -> None:
        repositories.enqueue()
        repositories.queue.retry(repositories.claim(), "no memory", at(30))
        (job,) = repositories.queue.jobs()
        assert (job.state, job.attempts, job.error) == (JobState.QUEUED, 1, "no memory")
        assert repositories.queue.claim("w", at(29), LEASE) is None
        assert repositories.claim(30).job.attempts == 2

    def test_an_expired_lease_is_taken_over(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lost = repositories.claim(worker="dead")
        assert repositories.queue.claim("w", at(59), LEASE) is None
        taken = repositories.claim(60)
        assert taken.job.job_id == lost.job.job_id
        assert taken.job.attempts == 2
        assert taken.fence > lost.fence
        for use in (
            lambda: repositories.queue.extend(lost, at(61), LEASE),
            lambda: repositories.queue.retry(lost, "", at(61)),
            lambda: repositories.results.record(lost, make_result(), ["a"]),
        ):
            with pytest.raises(LeaseLost):
                use()
        assert repositories.results.of_job(lost.job.job_id) is None
        assert repositories.outbox.deliveries() == ()
        assert repositories.queue.job(lost.job.job_id) == taken.job

    def test_an_expired_lease_that_nobody_took_still_counts(
        self, repositories: Repositories
    ) -> None:
        repositories.enqueue()
        lease = repositories.queue.extend(repositories.claim(), at(100), LEASE)
        assert lease.expires_at == at(160)
        assert repositories.queue.claim("w", at(159), LEASE) is None
        repositories.results.record(lease, make_result(), [])

    def test_an_ended_job_has_no_lease(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_result(), [])
        with pytest.raises(LeaseLost):
            repositories.queue.extend(lease, at(1), LEASE)
        assert repositories.queue.claim("w", at(1000), LEASE) is None

    def test_a_job_given_back_has_no_lease(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.queue.retry(lease, "", at(1))
        with pytest.raises(LeaseLost):
            repositories.queue.extend(lease, at(1), LEASE)

    def test_release_queues_what_one_worker_holds(self, repositories: Repositories) -> None:
        for study in ("1.1", "1.2", "1.3"):
            repositories.enqueue(study_instance_uid=study)
        mine = [repositories.claim(worker="crashed") for _ in range(2)]
        theirs = repositories.claim(worker="other")
        assert repositories.queue.release("crashed") == 2
        assert repositories.queue.release("crashed") == 0
        again = [repositories.claim(1) for _ in range(2)]
        assert [each.job.job_id for each in again] == [each.job.job_id for each in mine]
        assert {each.job.attempts for each in again} == {2}
        with pytest.raises(LeaseLost):
            repositories.queue.extend(mine[0], at(1), LEASE)
        repositories.queue.extend(theirs, at(1), LEASE)

    def test_an_attempt_that_does_not_count_is_taken_back_and_its_lease_is_lost(
        self, repositories: Repositories
    ) -> None:
        repositories.enqueue()
        repositories.queue.retry(repositories.claim(), "no memory", at(1))
        away = repositories.claim(1)
        repositories.queue.retry(away, "no database", at(2), counts=False)
        stopped = repositories.claim(2, worker="stopped")
        assert repositories.queue.release("stopped", counts=False) == 1
        (job,) = repositories.queue.jobs()
        assert (job.state, job.attempts, job.error) == (JobState.QUEUED, 1, "no database")
        for lost in (away, stopped):
            with pytest.raises(LeaseLost):
                repositories.queue.extend(lost, at(3), LEASE)
        assert repositories.claim(3).job.attempts == 2

    def test_who_works_on_what(self, repositories: Repositories) -> None:
        assert repositories.queue.leases() == ()
        for study in ("1.1", "1.2", "1.3"):
            repositories.enqueue(study_instance_uid=study)
        first = repositories.claim(worker="one")
        second = repositories.claim(1, worker="two")
        assert repositories.queue.leases() == (first, second)
        longer = repositories.queue.extend(first, at(2), LEASE)
        assert repositories.queue.leases() == (longer, second)
        repositories.queue.release("one")
        assert repositories.queue.leases() == (second,)

    def test_replay_forgets_how_a_job_failed(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_failure(), ["sent", "broken", "waiting"])
        job_id = lease.job.job_id
        failed = repositories.queue.job(job_id)
        assert failed is not None
        assert (failed.state, failed.error) == (JobState.FAILED, "it broke")
        sent, broken = (repositories.outbox.claim(at(6), LEASE) for _ in range(2))
        assert sent is not None
        assert broken is not None
        repositories.outbox.delivered(sent, at(7))
        repositories.outbox.fail(broken, "refused")

        assert repositories.queue.replay(job_id, at(100))
        job = repositories.queue.job(job_id)
        assert job is not None
        assert (job.state, job.attempts, job.error) == (JobState.QUEUED, 0, "")
        assert (job.enqueued_at, job.started_at, job.finished_at) == (at(100), None, None)
        assert repositories.results.of_job(job_id) is None
        assert not repositories.index.is_result("2.25.1")
        (kept,) = repositories.outbox.deliveries()
        assert (kept.destination, kept.objects) == ("sent", make_failure().objects)
        assert not repositories.queue.replay(job_id, at(101))

        assert repositories.queue.claim("w", at(99), LEASE) is None
        again = repositories.claim(100)
        assert again.fence > lease.fence
        repositories.results.record(again, make_result(), ["sent"])
        assert not repositories.index.account().problems
        # What the first attempt's courier says later is not about the new Delivery.
        repositories.outbox.delivered(broken, at(102))
        assert [each.state for each in repositories.outbox.deliveries()] == [
            "pending",
            "delivered",
        ]

    def test_only_a_failed_job_is_replayed(self, repositories: Repositories) -> None:
        repositories.enqueue()
        assert not repositories.queue.replay(999, at(1))
        lease = repositories.claim()
        assert not repositories.queue.replay(lease.job.job_id, at(1))
        repositories.results.record(lease, make_result(), ["a"])
        assert not repositories.queue.replay(lease.job.job_id, at(1))
        assert repositories.results.of_job(lease.job.job_id) == make_result()

    def test_jobs_by_study_and_state(self, repositories: Repositories) -> None:
        for study in ("1.1", "1.2"):
            repositories.enqueue(study_instance_uid=study)
            repositories.enqueue(study_instance_uid=study, revision=2)
        repositories.claim()
        queue = repositories.queue
        every = queue.jobs()
        assert [job.job_id for job in every] == sorted((job.job_id for job in every), reverse=True)
        assert len(every) == 4
        assert len(queue.jobs("1.2")) == 2
        assert [job.request.study_instance_uid for job in queue.jobs(state=JobState.RUNNING)] == [
            "1.1"
        ]
        assert len(queue.jobs("1.1", JobState.QUEUED)) == 1
        assert queue.jobs(limit=1) == every[:1]
        assert queue.jobs(STUDY) == ()

    def test_two_claimers_never_get_the_same_job(self, repositories: Repositories) -> None:
        repositories.receive()
        repositories.queue.enqueue([make_request(revision=n) for n in range(1, 41)], T0)

        def drain(worker: str) -> list[Lease]:
            leases = []
            while lease := repositories.queue.claim(worker, T0, LEASE):
                leases.append(lease)
            return leases

        with ThreadPoolExecutor(4) as pool:
            drained = [each for leases in pool.map(drain, "abcd") for each in leases]
        assert len(drained) == 40
        assert len({lease.job.job_id for lease in drained}) == 40
        assert {lease.job.attempts for lease in drained} == {1}
