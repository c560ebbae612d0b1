"""What every Events promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from inference.domain.event import EventKind
from inference.domain.finding import Presence
from inference.domain.study import Study
from tests.contracts.listing import add, review
from tests.contracts.reading import said
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    STUDY,
    Repositories,
    RepositoriesContract,
    at,
    make_failure,
    make_instance,
    make_request,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ONE_DAY = datetime(2100, 1, 1, tzinfo=UTC)


class EventsContract(RepositoriesContract):
    def kinds(self, repositories: Repositories, after: int = 0) -> list[EventKind]:
        return [each.kind for each in repositories.events.after(after)]

    def study(self, repositories: Repositories, uid: str = STUDY) -> Study:
        found = repositories.index.study(uid)
        assert found is not None
        return found

    def test_nothing_is_nothing(self, repositories: Repositories) -> None:
        assert repositories.events.newest() == 0
        assert repositories.events.after(0) == ()

    def receive(self, repositories: Repositories, *numbers: int) -> None:
        for number in numbers:
            uid = f"1.{number}"
            repositories.index.add(make_instance(f"{uid}.1", study=uid), at(number), QUIET)

    def test_what_is_old_is_pruned_in_batches_the_oldest_first(
        self, repositories: Repositories
    ) -> None:
        events = repositories.events
        self.receive(repositories, 1, 2, 3)
        first, second, third = (each.number for each in events.after(0))
        assert events.prune(LONG_AGO) == 0
        assert events.pruned() == 0
        assert events.prune(ONE_DAY, limit=2) == 2
        assert [each.number for each in events.after(0)] == [third]
        assert events.pruned() == second
        assert [each.number for each in events.after(first)] == [third]
        assert events.newest() == third

    def test_a_number_is_not_given_again_when_all_are_gone(
        self, repositories: Repositories
    ) -> None:
        events = repositories.events
        self.receive(repositories, 1, 2)
        last = events.newest()
        assert events.prune(ONE_DAY) == 2
        assert events.prune(ONE_DAY) == 0
        assert events.after(0) == ()
        assert (events.newest(), events.pruned()) == (last, last)
        self.receive(repositories, 3)
        (told,) = events.after(last)
        assert told.number > last
        assert events.newest() == told.number
        assert events.prune(ONE_DAY) == 1
        assert events.pruned() == told.number

    def test_of_several_who_prune_at_once_each_removes_what_is_there(
        self, repositories: Repositories
    ) -> None:
        events = repositories.events
        self.receive(repositories, *range(1, 13))
        last = events.newest()

        def prune(_: int) -> int:
            removed = 0
            while batch := events.prune(ONE_DAY, limit=2):
                removed += batch
            return removed

        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(prune, range(3))) == 12
        assert (events.after(0), events.pruned()) == ((), last)

    def test_a_study_is_told_of_once_for_each_revision(self, repositories: Repositories) -> None:
        for number in (1, 2, 2):
            repositories.index.add(make_instance(f"1.{number}"), at(0), QUIET)
        assert self.kinds(repositories) == [EventKind.STUDY_RECEIVED]
        study = self.study(repositories)
        assert repositories.index.close_revision(study, [make_request()], at(11))
        assert not repositories.index.close_revision(study, [make_request()], at(11))
        repositories.index.add(make_instance("1.3"), at(20), QUIET)
        told = repositories.events.after(0)
        assert [(each.kind, each.revision) for each in told] == [
            (EventKind.STUDY_RECEIVED, 1),
            (EventKind.STUDY_STABLE, 1),
            (EventKind.STUDY_RECEIVED, 2),
        ]
        assert {each.study_instance_uid for each in told} == {STUDY}
        assert [each.number for each in told] == sorted(each.number for each in told)
        assert all(each.at is not None and each.at.tzinfo for each in told)
        assert "Doe" not in str(told)

    def test_a_job_is_told_of_at_each_attempt_and_when_it_ends(
        self, repositories: Repositories
    ) -> None:
        repositories.enqueue()
        before = repositories.events.newest()
        assert repositories.queue.claim("w", at(-1), LEASE) is None
        repositories.queue.retry(repositories.claim(), "later", at(1))
        lease = repositories.claim(1)
        repositories.results.record(lease, make_failure(), ["pacs"])
        told = repositories.events.after(before)
        assert [each.kind for each in told] == [
            EventKind.JOB_STARTED,
            EventKind.JOB_STARTED,
            EventKind.JOB_FAILED,
        ]
        assert {(each.job_id, each.detail, each.shadow) for each in told} == {
            (lease.job.job_id, "chest 1", False)
        }

    def test_deliveries_and_reviews(self, repositories: Repositories) -> None:
        job = add(repositories, "1", said(Presence.PRESENT))
        before = repositories.events.newest()
        first, second = (repositories.outbox.claim(at(10), LEASE) for _ in range(2))
        assert first is not None
        assert second is not None
        repositories.outbox.retry(second, "no answer", at(11))
        repositories.outbox.delivered(first, at(11))
        repositories.outbox.delivered(first, at(12))  # once more is nothing new
        again = repositories.outbox.claim(at(11), LEASE)
        assert again is not None
        repositories.outbox.fail(again, "refused")
        repositories.outbox.fail(second, "refused")  # it has lost its claim
        made = review(repositories, job, "1")
        told = repositories.events.after(before)
        assert [(each.kind, each.delivery_id, each.review_id, each.detail) for each in told] == [
            (EventKind.DELIVERY_SENT, first.delivery_id, None, first.destination),
            (EventKind.DELIVERY_FAILED, second.delivery_id, None, second.destination),
            (EventKind.REVIEW_MADE, None, made.review_id, "agree"),
        ]
        assert {(each.job_id, each.study_instance_uid) for each in told} == {(job, "1")}

    def test_a_shadow_is_marked(self, repositories: Repositories) -> None:
        add(repositories, "1", said(Presence.PRESENT), shadow=True)
        assert [each.shadow for each in repositories.events.after(1)] == [True, True]

    def test_who_goes_on_from_a_number_misses_nothing(self, repositories: Repositories) -> None:
        def receive(number: int) -> None:
            uid = f"1.{number}"
            repositories.index.add(make_instance(f"{uid}.1", study=uid), at(number), QUIET)

        seen: list[str] = []
        number = 0
        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(receive, each) for each in range(1, 25)]
            while len(seen) < 24:
                for each in repositories.events.after(number, limit=3):
                    seen.append(each.study_instance_uid)
                    number = each.number
                if all(each.done() for each in made) and number == repositories.events.newest():
                    break
        assert [each.result() for each in made]
        assert sorted(seen) == sorted(f"1.{each}" for each in range(1, 25))
        assert repositories.events.newest() == number
