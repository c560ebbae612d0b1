"""What the queue, the results and the account promise of Jobs in shadow."""

from __future__ import annotations

from typing import Any

import pytest

from inference.domain.instance import Priority
from inference.domain.job import JobState, ModelId
from inference.domain.result import Result
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

NEW = ModelId(MODEL.name, "2")


class ShadowsContract(RepositoriesContract):
    def test_a_shadow_is_a_job_of_its_own(self, repositories: Repositories) -> None:
        repositories.receive()
        requests = [
            make_request(),
            make_request(model=NEW, shadow=True),
            make_request(model=ModelId(MODEL.name, "3"), shadow=True),
        ]
        for _ in range(2):
            repositories.queue.enqueue(requests, T0)
        kept = [job.request for job in reversed(repositories.queue.jobs())]
        assert kept == requests[:2]

    def test_a_shadow_waits_for_the_others_of_its_priority(
        self, repositories: Repositories
    ) -> None:
        repositories.receive()
        low = {"priority": Priority.LOW}
        repositories.queue.enqueue([make_request(model=NEW, shadow=True, **low)], T0)
        repositories.queue.enqueue([make_request(**low)], at(1))
        order = [repositories.claim(2).job.request.shadow for _ in range(2)]
        assert order == [False, True]

    def test_a_shadow_never_mixes_with_what_is_delivered(self, repositories: Repositories) -> None:
        self._read(repositories)
        ((shown, result),) = repositories.results.of_study(STUDY)
        assert (shown.request.shadow, result.model) == (False, MODEL)
        ((job, hidden),) = repositories.results.of_study(STUDY, shadow=True)
        assert (job.request.shadow, job.state, hidden.model) == (True, JobState.DONE, NEW)
        assert repositories.results.of_job(job.job_id) == hidden
        assert {each.job_id for each in repositories.outbox.deliveries()} == {shown.job_id}

    def test_a_shadow_is_nobodys_predecessor(self, repositories: Repositories) -> None:
        repositories.enqueue(model=NEW, shadow=True)
        repositories.results.record(repositories.claim(), _in_shadow(), [])
        assert repositories.results.predecessor(STUDY, MODEL, 2) is None

    def test_a_shadow_is_never_delivered(self, repositories: Repositories) -> None:
        repositories.enqueue(model=NEW, shadow=True)
        lease = repositories.claim()
        for result, destinations in ((_in_shadow(), ["pacs"]), (make_result(model=NEW), [])):
            with pytest.raises(ValueError, match="not delivered"):
                repositories.results.record(lease, result, destinations)
        assert repositories.results.of_job(lease.job.job_id) is None
        assert repositories.outbox.deliveries() == ()

    def test_shadows_are_counted_apart(self, repositories: Repositories) -> None:
        self._read(repositories)
        repositories.enqueue(revision=2)
        repositories.enqueue(revision=2, model=NEW, shadow=True)
        repositories.results.record(repositories.claim(1), make_failure(revision=2), ["pacs"])
        failed = make_failure(model=NEW, revision=2, objects=())
        repositories.results.record(repositories.claim(1), failed, [])
        repositories.enqueue(revision=3, model=NEW, shadow=True)
        account = repositories.index.account()
        assert account.problems == ()
        assert (account.jobs, account.jobs_done, account.jobs_failed, account.results) == (
            2,
            1,
            1,
            2,
        )
        assert (account.shadow_jobs, account.shadow_queued, account.shadow_failed) == (3, 1, 1)
        assert (account.shadow_results, account.shadow_deliveries) == (2, 0)
        assert account.deliveries == 2

    def test_a_failed_shadow_is_replayed(self, repositories: Repositories) -> None:
        repositories.enqueue(model=NEW, shadow=True)
        lease = repositories.claim()
        repositories.results.record(lease, make_failure(model=NEW, objects=()), [])
        assert repositories.queue.replay(lease.job.job_id, at(1))
        again = repositories.queue.claim("w", at(2), LEASE)
        assert again is not None
        assert again.job.request.shadow
        assert repositories.index.account().problems == ()

    def test_a_shadow_is_found_beside_what_was_delivered(self, repositories: Repositories) -> None:
        self._read(repositories)
        self._read(repositories, "9.9")
        repositories.enqueue(revision=7)
        repositories.enqueue(revision=8, model=NEW, shadow=True)
        repositories.results.record(repositories.claim(1), make_result(revision=7), [])
        repositories.results.record(repositories.claim(1), _in_shadow(revision=8), [])
        pairs = repositories.results.beside(NEW)
        assert [(a.study_instance_uid, a.model, b.model) for a, b in pairs] == [
            ("9.9", MODEL, NEW),
            (STUDY, MODEL, NEW),
        ]
        assert all(a.revision == b.revision for a, b in pairs)
        assert len(repositories.results.beside(NEW, limit=1)) == 1
        assert repositories.results.beside(MODEL) == ()

    @staticmethod
    def _read(repositories: Repositories, study: str = STUDY) -> None:
        repositories.enqueue(study_instance_uid=study)
        repositories.enqueue(study_instance_uid=study, model=NEW, shadow=True)
        shown = make_result(study_instance_uid=study)
        repositories.results.record(repositories.claim(), shown, ["pacs"])
        hidden = make_result(study_instance_uid=study, model=NEW, objects=())
        repositories.results.record(repositories.claim(), hidden, [])


def _in_shadow(**changes: Any) -> Result:
    return make_result(**{"model": NEW, "objects": ()} | changes)
