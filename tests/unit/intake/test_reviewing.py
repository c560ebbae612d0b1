"""The desk, with everything faked but itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from inference.domain.errors import InvalidReview, OutOfSpace, RepositoryUnavailable
from inference.domain.finding import Presence
from inference.domain.result import Role
from inference.domain.review import Review, Reviewer, Verdict
from inference.fakes.archive import FakeArchive
from inference.fakes.clock import FixedClock
from inference.fakes.memory import (
    MemoryIndex,
    MemoryJobQueue,
    MemoryOutbox,
    MemoryResults,
    MemoryReviews,
    MemoryStore,
)
from inference.fakes.reviews import FakeReviewEncoder
from inference.intake.reviewing import ReviewDesk
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    STUDY,
    T0,
    make_instance,
    make_request,
    make_result,
)
from tests.contracts.reviews import ANN, BEN


@dataclass
class Bench:
    archive: FakeArchive
    store: MemoryStore = field(default_factory=MemoryStore)
    encoder: FakeReviewEncoder = field(default_factory=FakeReviewEncoder)
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.queue = MemoryJobQueue(self.store)
        self.reviews = MemoryReviews(self.store)
        self.outbox = MemoryOutbox(self.store)
        self.desk = ReviewDesk(
            queue=self.queue,
            results=MemoryResults(self.store),
            reviews=self.reviews,
            archive=self.archive,
            encoder=self.encoder,
            clock=self.clock,
            destinations=["archive", "pacs"],
        )

    def read(self, shadow: bool = False, **changes: Any) -> int:
        """End a Job with a result; return its number."""
        MemoryIndex(self.store).add(make_instance(f"{STUDY}.1.1"), T0, QUIET)
        self.queue.enqueue([make_request(shadow=shadow)], T0)
        lease = self.queue.claim("w", T0, LEASE)
        assert lease is not None
        result = make_result(**{"objects": ()} | changes if shadow else changes)
        MemoryResults(self.store).record(lease, result, [])
        return lease.job.job_id

    def say(self, verdict: Verdict, reviewer: Reviewer = ANN, **said: Any) -> tuple[Review, bool]:
        found = self.desk.find(1)
        assert found is not None
        return self.desk.take(*found, reviewer, verdict, **said)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(FakeArchive(tmp_path))
    bench.read()
    return bench


def test_a_review_is_kept_with_its_report_and_sent(bench: Bench) -> None:
    review, new = bench.say(Verdict.DISAGREE, finding=1, presence=Presence.ABSENT, comment="no")
    assert new
    assert review.reviewed_at == bench.clock.now()
    assert bench.reviews.of_job(1) == (review,)
    assert review.report is not None
    assert review.report.role is Role.REVIEW
    assert bench.archive.path(review.report.key).exists()
    found = bench.outbox.deliveries()
    assert [each.objects for each in found] == [(review.report,)] * 2
    assert {each.destination for each in found} == {"archive", "pacs"}


def test_a_later_review_supersedes_and_names_the_one_before(bench: Bench) -> None:
    first, _ = bench.say(Verdict.DISAGREE, finding=1, presence=Presence.ABSENT)
    bench.say(Verdict.AGREE, BEN, finding=1)
    second, new = bench.say(Verdict.AGREE, finding=1)
    assert new
    # The clock stands still: the UIDs hold the time and must differ.
    assert second.reviewed_at > first.reviewed_at
    assert second.report is not None
    said = bench.archive.path(second.report.key).read_text()
    assert f'"previous": {first.review_id}' in said
    assert len(bench.reviews.of_job(1)) == 3


def test_the_same_once_more_is_nothing_new(bench: Bench) -> None:
    first, _ = bench.say(Verdict.AGREE, finding=1, comment="fine")
    bench.clock.advance(60)
    assert bench.say(Verdict.AGREE, finding=1, comment="fine") == (first, False)
    assert len(bench.outbox.deliveries()) == 2
    _, new = bench.say(Verdict.AGREE, finding=1, comment="very fine")
    assert new
    # Back to what was said first is new: it supersedes.
    _, new = bench.say(Verdict.AGREE, finding=1, comment="fine")
    assert new


def test_what_does_not_fit_is_not_kept(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InvalidReview):
        bench.say(Verdict.DISAGREE, finding=1)
    with pytest.raises(InvalidReview):
        bench.say(Verdict.AGREE, replace(ANN, name=""), finding=1)
    assert bench.reviews.reviews() == ()
    assert not list(tmp_path.rglob("*.dcm"))


def test_shadows_and_unread_studies_are_not_found(tmp_path: Path) -> None:
    bench = Bench(FakeArchive(tmp_path))
    bench.read(shadow=True)
    assert bench.desk.find(1) is None
    assert bench.desk.find(2) is None


def test_a_result_without_a_report_has_nothing_to_refer_to(tmp_path: Path) -> None:
    bench = Bench(FakeArchive(tmp_path))
    bench.read(objects=())
    with pytest.raises(InvalidReview, match="no report"):
        bench.say(Verdict.AGREE)


def test_no_room_and_no_database_are_said(bench: Bench) -> None:
    bench.archive.full = True
    with pytest.raises(OutOfSpace):
        bench.say(Verdict.AGREE)
    bench.archive.full = False
    found = bench.desk.find(1)
    assert found is not None
    bench.store.unavailable = True
    with pytest.raises(RepositoryUnavailable):
        bench.desk.take(*found, ANN, Verdict.AGREE)
