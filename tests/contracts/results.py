"""What every Results promises."""

from __future__ import annotations

import pytest

from inference.domain.errors import LeaseLost
from inference.domain.job import JobState, ModelId
from inference.domain.result import Outcome, Result
from tests.contracts.repositories import (
    MODEL,
    STUDY,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_object,
    make_result,
)


class ResultsContract(RepositoriesContract):
    def test_a_result_is_found_as_it_was(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_result(), [])
        assert repositories.results.of_job(lease.job.job_id) == make_result()
        assert repositories.results.of_job(999) is None

    @pytest.mark.parametrize(
        ("result", "state", "error"),
        [
            (make_result(), JobState.DONE, ""),
            (make_result(outcome=Outcome.NOT_ASSESSED, findings=()), JobState.REFUSED, ""),
            (make_failure(), JobState.FAILED, "it broke"),
            (make_failure(refusals=()), JobState.FAILED, "no memory"),
            (make_result(model=None, objects=()), JobState.DONE, ""),
        ],
    )
    def test_recording_ends_the_job(
        self, repositories: Repositories, result: Result, state: JobState, error: str
    ) -> None:
        repositories.enqueue(model=result.model)
        repositories.queue.retry(repositories.claim(), "no memory", at(1))
        lease = repositories.claim(1)
        repositories.results.record(lease, result, [])
        job = repositories.queue.job(lease.job.job_id)
        assert job is not None
        assert (job.state, job.error) == (state, error)
        assert (job.started_at, job.finished_at) == (at(1), result.produced_at)
        assert repositories.results.of_study(STUDY) == ((job, result),)
        assert not repositories.index.account().problems

    def test_recording_adds_a_delivery_to_each_destination(
        self, repositories: Repositories
    ) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_result(), ["archive", "pacs", "archive"])
        found = repositories.outbox.deliveries()
        assert [each.destination for each in found] == ["pacs", "archive"]
        for each in found:
            assert (each.job_id, each.state) == (lease.job.job_id, "pending")
            assert each.objects == make_result().objects
            assert (each.attempts, each.next_attempt_at) == (0, make_result().produced_at)
            assert (each.delivered_at, each.error) == (None, "")

    def test_a_result_is_recorded_once(self, repositories: Repositories) -> None:
        repositories.enqueue()
        lease = repositories.claim()
        repositories.results.record(lease, make_result(), ["a"])
        with pytest.raises(LeaseLost):
            repositories.results.record(lease, make_failure(), ["b"])
        assert repositories.results.of_job(lease.job.job_id) == make_result()
        assert [each.destination for each in repositories.outbox.deliveries()] == ["a"]

    def test_the_predecessor_is_the_newest_before_by_a_model_of_the_name(
        self, repositories: Repositories
    ) -> None:
        versions = {1: MODEL, 2: ModelId(MODEL.name, "2"), 4: MODEL}
        for number, (revision, model) in enumerate(versions.items()):
            self._record(repositories, revision, model, number)
        self._record(repositories, 3, ModelId("other", "1"), 8)
        self._record(repositories, 3, None, 9)

        def revision(model: ModelId | None, before: int) -> int | None:
            found = repositories.results.predecessor(STUDY, model, before)
            return found and found.revision

        assert revision(MODEL, 1) is None
        assert revision(MODEL, 2) == 1
        assert revision(MODEL, 4) == 2
        assert revision(ModelId(MODEL.name, "9"), 5) == 4
        assert revision(None, 5) == 3
        assert revision(None, 3) is None
        assert revision(ModelId("unknown", "1"), 5) is None
        assert repositories.results.predecessor("9.9", MODEL, 5) is None

    def test_results_of_a_study_come_the_newest_first(self, repositories: Repositories) -> None:
        for revision in (2, 1, 3):
            self._record(repositories, revision, MODEL, revision)
        found = repositories.results.of_study(STUDY)
        assert [result.revision for _, result in found] == [3, 2, 1]
        assert [job.request.revision for job, _ in found] == [3, 2, 1]
        assert [result.objects for _, result in found] == [
            (make_object(number),) for number in (3, 2, 1)
        ]
        assert repositories.results.of_study("9.9") == ()

    @staticmethod
    def _record(
        repositories: Repositories, revision: int, model: ModelId | None, number: int
    ) -> None:
        repositories.enqueue(revision=revision, model=model)
        result = make_result(revision=revision, model=model, objects=(make_object(number),))
        repositories.results.record(repositories.claim(), result, [])
