"""What every Reviews promises."""

from __future__ import annotations

from typing import Any

import pytest

from inference.domain.catalog import Field, Level, Search
from inference.domain.code import Code
from inference.domain.errors import InvalidReview
from inference.domain.finding import Presence
from inference.domain.instance import Attributes, Description
from inference.domain.result import ResultObject, Role
from inference.domain.review import Review, Reviewer, ReviewReason, Verdict
from tests.contracts.repositories import (
    STUDY,
    Repositories,
    RepositoriesContract,
    at,
    make_result,
)

ANN = Reviewer("ann", "Arzt^Anna^^Dr.", authenticated=True)
BEN = Reviewer("ben", "Ben Köller")


def make_review(number: int = 1, **changes: Any) -> Review:
    """Return a Review with all there is to say; `number` is in its UIDs and its time."""
    uid = f"2.25.900{number}"
    values: dict[str, Any] = {
        "job_id": 1,
        "study_instance_uid": STUDY,
        "finding": 1,
        "verdict": Verdict.DISAGREE,
        "reviewer": ANN,
        "reviewed_at": at(100 + number),
        "presence": Presence.ABSENT,
        "right_finding": Code("46621007", "SCT", "Atelectasis"),
        "reason": ReviewReason.OTHER_FINDING,
        "comment": "« seen before »\nand again",
        "report": ResultObject(
            Role.REVIEW, "1.2.840.10008.5.1.4.1.1.88.34", uid, f"{uid}.1", STUDY, f"r/{uid}.dcm"
        ),
    }
    return Review(**values | changes)


def record_result(repositories: Repositories, revision: int = 1, **changes: Any) -> int:
    """End one more Job; return its number."""
    repositories.enqueue(revision=revision, **changes)
    lease = repositories.claim()
    shadow = lease.job.request.shadow
    result = make_result(revision=revision, **{"objects": ()} if shadow else {})
    repositories.results.record(lease, result, [])
    return lease.job.job_id


class ReviewsContract(RepositoriesContract):
    def test_a_review_is_found_as_it_was(self, repositories: Repositories) -> None:
        record_result(repositories)
        kept = repositories.reviews.record(make_review(), [])
        assert kept == make_review(review_id=kept.review_id)
        assert repositories.reviews.of_job(1) == (kept,)
        assert repositories.reviews.reviews() == (kept,)
        assert repositories.reviews.of_job(2) == ()

    def test_what_is_not_said_stays_unsaid(self, repositories: Repositories) -> None:
        record_result(repositories)
        short = make_review(
            finding=None,
            verdict=Verdict.AGREE,
            presence=None,
            right_finding=None,
            reason=None,
            comment="",
            reviewer=BEN,
        )
        kept = repositories.reviews.record(short, [])
        assert kept == make_review(**{**_fields(short), "review_id": kept.review_id})
        assert repositories.reviews.of_job(1) == (kept,)

    def test_recording_adds_a_delivery_to_each_destination(
        self, repositories: Repositories
    ) -> None:
        record_result(repositories)
        review = make_review()
        repositories.reviews.record(review, ["archive", "pacs", "archive"])
        found = repositories.outbox.deliveries()
        assert [each.destination for each in found] == ["pacs", "archive"]
        for each in found:
            assert (each.job_id, each.state, each.attempts) == (1, "pending", 0)
            assert each.objects == (review.report,)
            assert each.next_attempt_at == review.reviewed_at
        assert not repositories.index.account().problems
        claimed = repositories.outbox.claim(at(200), at(260) - at(200))
        assert claimed is not None
        assert claimed.objects == (review.report,)

    def test_the_object_is_known_as_our_own(self, repositories: Repositories) -> None:
        record_result(repositories)
        review = make_review()
        assert review.report is not None
        assert not repositories.index.is_result(review.report.sop_instance_uid)
        repositories.reviews.record(review, [])
        assert repositories.index.is_result(review.report.sop_instance_uid)
        assert repositories.results.of_job(1) == make_result()

    def test_the_object_is_catalogued(self, repositories: Repositories) -> None:
        record_result(repositories)
        first, second = make_review(1), make_review(2)
        assert first.report is not None
        assert second.report is not None
        told = Description(
            STUDY,
            first.report.series_instance_uid,
            first.report.sop_instance_uid,
            first.report.sop_class_uid,
            "1.2.840.10008.1.2.1",
            Attributes(modality="SR", series_description="Review", made_by_wetread=True),
        )
        repositories.reviews.record(first, [], told)
        repositories.reviews.record(second, [])
        found = repositories.catalog.search(Search(Level.SERIES))
        said = {each.text(Field.SERIES_INSTANCE_UID): each for each in found}
        described = said[first.report.series_instance_uid]
        assert described.text(Field.SERIES_DESCRIPTION) == "Review"
        assert said[second.report.series_instance_uid].text(Field.MODALITY) == "SR"
        (undescribed,) = [
            each
            for each in repositories.catalog.undescribed()
            if each.text(Field.SOP_INSTANCE_UID) == second.report.sop_instance_uid
        ]
        assert undescribed.key == second.report.key

    @pytest.mark.parametrize("what", ["no job", "no result", "shadow"])
    def test_what_has_no_result_to_show_is_not_reviewed(
        self, repositories: Repositories, what: str
    ) -> None:
        if what == "no result":
            repositories.enqueue()
        if what == "shadow":
            record_result(repositories, shadow=True)
        with pytest.raises(InvalidReview):
            repositories.reviews.record(make_review(), ["pacs"])
        assert repositories.reviews.reviews() == ()
        assert repositories.outbox.deliveries() == ()

    def test_a_review_without_its_report_is_a_mistake(self, repositories: Repositories) -> None:
        record_result(repositories)
        with pytest.raises(ValueError, match="report"):
            repositories.reviews.record(make_review(report=None), [])

    def test_nothing_is_replaced(self, repositories: Repositories) -> None:
        record_result(repositories)
        kept = [repositories.reviews.record(make_review(number), []) for number in (1, 2, 3)]
        assert repositories.reviews.of_job(1) == tuple(kept)
        assert repositories.reviews.reviews() == tuple(reversed(kept))
        assert repositories.reviews.reviews(limit=1, offset=1) == (kept[1],)

    def test_reviewed_results_come_with_what_counts(self, repositories: Repositories) -> None:
        for revision in (1, 2, 3):
            record_result(repositories, revision)
        record = repositories.reviews.record
        record(make_review(1, job_id=3), [])
        by_ben = record(make_review(2, job_id=3, reviewer=BEN), [])
        by_ann = record(make_review(3, job_id=3), [])
        first = record(make_review(4, job_id=1, finding=None, presence=None), [])
        found = repositories.reviews.reviewed()
        assert [each.job.job_id for each in found] == [1, 3]
        assert [each.result.revision for each in found] == [1, 3]
        assert [each.reviews for each in found] == [(first,), (by_ben, by_ann)]

    def test_reviewed_results_since_a_time(self, repositories: Repositories) -> None:
        record_result(repositories)
        repositories.reviews.record(make_review(), [])
        produced = make_result().produced_at
        assert len(repositories.reviews.reviewed(since=produced)) == 1
        assert repositories.reviews.reviewed(since=at(3600)) == ()


def _fields(review: Review) -> dict[str, Any]:
    return {name: getattr(review, name) for name in Review.__slots__}
