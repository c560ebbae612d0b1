"""What every Outbox promises, and what every Cursors does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.domain.delivery import Delivery, DeliveryState
from inference.domain.errors import LeaseLost
from tests.contracts.repositories import (
    LEASE,
    Repositories,
    RepositoriesContract,
    at,
    make_result,
)


class OutboxContract(RepositoriesContract):
    @staticmethod
    def fill(repositories: Repositories, *destinations: str, revision: int = 1) -> int:
        repositories.enqueue(revision=revision)
        lease = repositories.claim()
        repositories.results.record(lease, make_result(revision=revision), destinations)
        return lease.job.job_id

    @staticmethod
    def claim(repositories: Repositories, seconds: float = 5) -> Delivery:
        delivery = repositories.outbox.claim(at(seconds), LEASE)
        assert delivery is not None
        return delivery

    def test_a_claimed_delivery_is_nobody_elses_during_its_lease(
        self, repositories: Repositories
    ) -> None:
        job_id = self.fill(repositories, "a")
        assert repositories.outbox.claim(at(4), LEASE) is None  # not due
        delivery = self.claim(repositories)
        assert (delivery.job_id, delivery.destination) == (job_id, "a")
        assert (delivery.attempts, delivery.next_attempt_at) == (1, at(65))
        assert repositories.outbox.claim(at(64), LEASE) is None
        assert self.claim(repositories, 65).attempts == 2

    def test_the_one_that_is_due_longest_goes_first(self, repositories: Repositories) -> None:
        self.fill(repositories, "a", "b")
        first = self.claim(repositories)
        repositories.outbox.retry(first, "later", at(50))
        assert self.claim(repositories, 60).destination == "b"
        assert self.claim(repositories, 60).destination == "a"

    def test_delivered(self, repositories: Repositories) -> None:
        self.fill(repositories, "a")
        first = self.claim(repositories)
        repositories.outbox.retry(first, "no answer", at(10))
        (waiting,) = repositories.outbox.deliveries()
        assert (waiting.state, waiting.error) == (DeliveryState.PENDING, "no answer")
        repositories.outbox.delivered(self.claim(repositories, 10), at(11))
        (delivered,) = repositories.outbox.deliveries()
        assert delivered.state is DeliveryState.DELIVERED
        assert (delivered.delivered_at, delivered.error) == (at(11), "")
        assert repositories.outbox.claim(at(1000), LEASE) is None
        repositories.outbox.delivered(first, at(12))
        assert repositories.outbox.deliveries() == (delivered,)

    def test_failed_and_replayed(self, repositories: Repositories) -> None:
        self.fill(repositories, "a")
        delivery = self.claim(repositories)
        assert not repositories.outbox.replay(delivery.delivery_id, at(6))
        repositories.outbox.fail(delivery, "refused")
        (failed,) = repositories.outbox.deliveries()
        assert (failed.state, failed.error) == (DeliveryState.FAILED, "refused")
        assert repositories.outbox.claim(at(1000), LEASE) is None
        assert repositories.outbox.replay(delivery.delivery_id, at(2000))
        assert not repositories.outbox.replay(999, at(2000))
        again = self.claim(repositories, 2000)
        assert (again.attempts, again.error) == (1, "")

    def test_one_who_lost_the_lease_cannot_put_off_or_end(self, repositories: Repositories) -> None:
        self.fill(repositories, "a")
        slow = self.claim(repositories)
        held = self.claim(repositories, 65)
        repositories.outbox.retry(slow, "slow", at(66))
        repositories.outbox.fail(slow, "slow")
        assert repositories.outbox.deliveries() == (held,)
        # But what it did deliver is there.
        repositories.outbox.delivered(slow, at(67))
        repositories.outbox.fail(held, "refused as a duplicate")
        (delivery,) = repositories.outbox.deliveries()
        assert delivery.state is DeliveryState.DELIVERED

    def test_a_lease_that_is_extended_lasts_longer(self, repositories: Repositories) -> None:
        self.fill(repositories, "a")
        delivery = self.claim(repositories)
        for seconds in (25, 45):
            delivery = repositories.outbox.extend(delivery, at(seconds), LEASE)
        assert (delivery.attempts, delivery.next_attempt_at) == (1, at(105))
        assert repositories.outbox.deliveries() == (delivery,)
        assert repositories.outbox.claim(at(104), LEASE) is None
        # It has run out, but nobody has taken it.
        delivery = repositories.outbox.extend(delivery, at(110), LEASE)
        assert repositories.outbox.claim(at(169), LEASE) is None
        assert self.claim(repositories, 170).attempts == 2

    def test_who_lost_the_lease_cannot_extend_it(self, repositories: Repositories) -> None:
        self.fill(repositories, "a")
        dead = self.claim(repositories)
        held = self.claim(repositories, 65)
        with pytest.raises(LeaseLost):
            repositories.outbox.extend(dead, at(66), LEASE)
        assert repositories.outbox.deliveries() == (held,)
        repositories.outbox.delivered(held, at(70))
        with pytest.raises(LeaseLost):
            repositories.outbox.extend(held, at(71), LEASE)

    def test_who_is_alone_takes_up_at_once_what_was_under_way(
        self, repositories: Repositories
    ) -> None:
        self.fill(repositories, "a", "b", "c", "d")
        under_way, resting, failed = (self.claim(repositories) for _ in range(3))
        repositories.outbox.retry(resting, "no answer", at(500))
        repositories.outbox.fail(failed, "refused")
        assert repositories.outbox.release(at(20)) == 2
        claimed = [self.claim(repositories, 20) for _ in range(3)]
        assert {each.destination: each.attempts for each in claimed} == {
            under_way.destination: 2,
            resting.destination: 2,
            "d": 1,
        }
        assert repositories.outbox.claim(at(20), LEASE) is None

    def test_deliveries_come_the_newest_first(self, repositories: Repositories) -> None:
        first = self.fill(repositories, "a", "b")
        second = self.fill(repositories, "c", revision=2)
        found = repositories.outbox.deliveries()
        assert [each.destination for each in found] == ["c", "b", "a"]
        assert repositories.outbox.deliveries(job_id=first) == found[1:]
        assert repositories.outbox.deliveries(job_id=second, limit=1) == found[:1]
        assert repositories.outbox.deliveries(limit=2) == found[:2]

    def test_what_waits_for_each_destination(self, repositories: Repositories) -> None:
        assert repositories.outbox.backlog() == ()
        self.fill(repositories, "b", "a")
        self.fill(repositories, "a", revision=2)
        first = repositories.outbox.claim(at(5), LEASE)
        assert first is not None
        repositories.outbox.fail(first, "refused")
        second = repositories.outbox.claim(at(5), LEASE)
        assert second is not None
        repositories.outbox.delivered(second, at(6))
        found = {each.destination: each for each in repositories.outbox.backlog()}
        assert list(found) == ["a", "b"]
        counts = [(each.pending, each.delivered, each.failed) for each in found.values()]
        assert [sum(each) for each in zip(*counts, strict=True)] == [1, 1, 1]
        (due,) = [each.due for each in found.values() if each.pending]
        assert due == at(5)
        assert all(each.due is None for each in found.values() if not each.pending)
        failed = repositories.outbox.deliveries(state=DeliveryState.FAILED)
        assert [each.delivery_id for each in failed] == [first.delivery_id]

    def test_two_claimers_never_get_the_same_delivery(self, repositories: Repositories) -> None:
        self.fill(repositories, *(f"d{number}" for number in range(30)))

        def drain(_: int) -> list[int]:
            claimed = []
            while delivery := repositories.outbox.claim(at(5), LEASE):
                claimed.append(delivery.delivery_id)
            return claimed

        with ThreadPoolExecutor(4) as pool:
            drained = [each for claimed in pool.map(drain, range(4)) for each in claimed]
        assert len(drained) == len(set(drained)) == 30


class CursorsContract(RepositoriesContract):
    def test_a_cursor_is_what_was_set_last(self, repositories: Repositories) -> None:
        cursors = repositories.cursors
        assert cursors.cursor("orthanc") is None
        cursors.set_cursor("orthanc", 0)
        assert cursors.cursor("orthanc") == 0
        cursors.set_cursor("orthanc", 2**40)
        cursors.set_cursor("other", 1)
        assert cursors.cursor("orthanc") == 2**40
