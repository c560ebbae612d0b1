"""What every Listing promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.domain.code import Code
from inference.domain.delivery import DeliveryState
from inference.domain.finding import Presence
from inference.domain.job import JobState, ModelId
from inference.domain.listing import (
    DeliveryQuery,
    JobQuery,
    ResultQuery,
    ReviewQuery,
    StudyQuery,
)
from inference.domain.reading import Standing
from inference.domain.result import Outcome, Result
from inference.domain.review import Review, Verdict
from inference.domain.study import StudyState
from tests.contracts.reading import REFUSED, said
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    Repositories,
    RepositoriesContract,
    at,
    make_instance,
    make_object,
    make_request,
    make_result,
)
from tests.contracts.reviews import ANN, BEN

ONE = {"patient_id": "P1", "accession_number": "A1", "study_date": "20260101"}


def add(
    repositories: Repositories,
    study: str,
    result: Result | None = None,
    seconds: float = 0,
    shadow: bool = False,
    **attributes: Any,
) -> int:
    """Do as `Repositories.read` does, with a report on its way to two destinations."""
    if result is not None:
        uid = f"{study}.9.{result.revision}{int(shadow)}"
        report = replace(make_object(), sop_instance_uid=uid, study_instance_uid=study)
        result = replace(result, objects=() if shadow else (report,))
    destinations = () if shadow else ("pacs", "archive")
    return repositories.read(study, result, seconds, shadow, destinations, **attributes)


def review(repositories: Repositories, job_id: int, study: str, **said: Any) -> Review:
    number = len(repositories.reviews.reviews()) + 500
    report = replace(make_object(number), study_instance_uid=study)
    values: dict[str, Any] = {
        "finding": 1,
        "verdict": Verdict.AGREE,
        "reviewer": ANN,
        "reviewed_at": at(20),
        "report": report,
    }
    return repositories.reviews.record(Review(job_id, study, **values | said), [])


class ListingContract(RepositoriesContract):
    def uids(self, repositories: Repositories, **query: Any) -> list[str]:
        found = repositories.listing.studies(StudyQuery(**query))
        return [each.study.study_instance_uid for _, each in found]

    def numbers(self, repositories: Repositories, **query: Any) -> list[int]:
        return [each.job.job_id for each in repositories.listing.results(ResultQuery(**query))]

    def test_nothing_is_nothing(self, repositories: Repositories) -> None:
        listing = repositories.listing
        assert listing.studies(StudyQuery()) == ()
        assert listing.results(ResultQuery()) == ()
        assert listing.jobs(JobQuery()) == ()
        assert listing.deliveries(DeliveryQuery()) == ()
        assert listing.reviews(ReviewQuery()) == ()
        assert listing.result(1) is None

    def test_studies_page_by_page_while_others_come(self, repositories: Repositories) -> None:
        for number in range(1, 6):
            add(repositories, str(number), seconds=number)
        first = repositories.listing.studies(StudyQuery(limit=2))
        assert [each.study.study_instance_uid for _, each in first] == ["5", "4"]
        add(repositories, "6", seconds=6)
        # An image more brings a Study to the front of no page.
        repositories.index.add(make_instance("3.1.2", study="3"), at(7), QUIET)
        assert self.uids(repositories, limit=2, before=first[-1][0]) == ["3", "2"]
        assert self.uids(repositories, limit=9, before=1) == []

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"study_instance_uid": "2"}, ["2"]),
            ({"study_instance_uid": "9"}, []),
            ({"patient_id": "P1"}, ["1"]),
            ({"patient_id": "p1"}, []),
            ({"patient_id": "P"}, []),
            ({"accession_number": "A1"}, ["1"]),
            ({"accession_number": "A%"}, []),
            ({"modality": "CT"}, ["2"]),
            ({"first_date": "20260102"}, ["2"]),
            ({"last_date": "20260101"}, ["1"]),
            ({"state": StudyState.RECEIVING}, ["2", "1"]),
            ({"state": StudyState.STABLE}, ["3"]),
            ({"standing": Standing.PRESENT}, ["3"]),
            ({"standing": Standing.WAITING}, ["2", "1"]),
            ({"standing": Standing.WAITING, "modality": "CT"}, ["2"]),
        ],
    )
    def test_studies_are_narrowed(
        self, repositories: Repositories, query: dict[str, Any], found: list[str]
    ) -> None:
        add(repositories, "1", **ONE)
        add(repositories, "2", modality="CT", study_date="20260102")
        add(repositories, "3", said(Presence.PRESENT))
        study = repositories.index.study("3")
        assert study is not None
        assert repositories.index.close_revision(study, [], at(1))
        assert self.uids(repositories, **query) == found

    def test_results_with_all_that_belongs_to_them(self, repositories: Repositories) -> None:
        first = add(repositories, "1", said(Presence.PRESENT), **ONE)
        second = add(repositories, "2", said(Presence.ABSENT))
        agreed = review(repositories, first, "1")
        denied = review(
            repositories, first, "1", verdict=Verdict.DISAGREE, presence=Presence.ABSENT
        )
        assert self.numbers(repositories) == [second, first]
        assert self.numbers(repositories, limit=1) == [second]
        assert self.numbers(repositories, before=second) == [first]
        listed = repositories.listing.result(first)
        assert listed is not None
        assert listed == repositories.listing.results(ResultQuery(before=second))[0]
        assert listed.study == repositories.index.study("1")
        assert listed.job == repositories.queue.job(first)
        assert listed.result == repositories.results.of_job(first)
        assert listed.reviews == (agreed, denied)

    def test_results_are_narrowed(self, repositories: Repositories) -> None:
        first = add(repositories, "1", said(Presence.PRESENT), **ONE)
        other = said(Presence.ABSENT, revision=2, model=ModelId("other", "2"), produced_at=at(9))
        second = add(repositories, "1", other, seconds=1, **ONE)
        third = add(repositories, "2", make_result(**REFUSED))
        review(repositories, second, "1")
        for query, found in (
            ({"study_instance_uid": "1"}, [second, first]),
            ({"model": "chest"}, [third, first]),
            ({"model": "other", "version": "2"}, [second]),
            ({"model": "other", "version": "1"}, []),
            ({"outcome": Outcome.NOT_ASSESSED}, [third]),
            ({"presence": Presence.PRESENT}, [first]),
            ({"presence": Presence.UNDETERMINED}, []),
            ({"reviewed": True}, [second]),
            ({"reviewed": False}, [third, first]),
            ({"sop_instance_uid": "1.9.20"}, [second]),
            ({"sop_instance_uid": "1.1.1"}, []),
            ({"patient_id": "P1"}, [second, first]),
            ({"first": at(6)}, [second]),
            ({"last": at(5)}, [third, first]),
            ({"first": at(9), "last": at(9)}, [second]),
            ({"first_date": "20260101", "last_date": "20260101"}, [second, first]),
            ({"first_date": "20260102"}, []),
            ({"last_date": "20251231"}, []),
            ({"patient_id": "P1", "last_date": "20251231"}, []),
        ):
            assert self.numbers(repositories, **query) == found, query

    def test_words_in_a_text_are_no_presence(self, repositories: Repositories) -> None:
        (finding,) = said(Presence.ABSENT).findings
        odd = replace(finding, finding=Code("1", "99TEST", '"presence": "present"'))
        add(repositories, "1", make_result(findings=(odd,)))
        assert self.numbers(repositories, presence=Presence.PRESENT) == []

    def test_a_shadow_has_no_result_here(self, repositories: Repositories) -> None:
        shadow = add(repositories, "1", said(Presence.PRESENT), shadow=True)
        assert repositories.listing.result(shadow) is None
        assert self.numbers(repositories) == []
        found = repositories.listing.jobs(JobQuery(shadow=True))
        assert [each.job_id for each in found] == [shadow]
        assert repositories.listing.jobs(JobQuery(shadow=False)) == ()

    def test_jobs_are_narrowed(self, repositories: Repositories) -> None:
        first = add(repositories, "1", said(Presence.PRESENT))
        repositories.queue.enqueue(
            [make_request(study_instance_uid="1", revision=2, model=None)], at(1)
        )
        second = repositories.queue.jobs(limit=1)[0].job_id
        for query, found in (
            ({}, [second, first]),
            ({"limit": 1}, [second]),
            ({"before": second}, [first]),
            ({"study_instance_uid": "1"}, [second, first]),
            ({"study_instance_uid": "2"}, []),
            ({"state": JobState.QUEUED}, [second]),
            ({"state": JobState.DONE}, [first]),
            ({"model": "chest"}, [first]),
        ):
            listed = repositories.listing.jobs(JobQuery(**query))  # type: ignore[arg-type]
            assert [each.job_id for each in listed] == found, query

    def test_deliveries_are_narrowed(self, repositories: Repositories) -> None:
        first = add(repositories, "1", said(Presence.PRESENT))
        second = add(repositories, "2", said(Presence.PRESENT))
        claimed = repositories.outbox.claim(at(10), LEASE)
        assert claimed is not None
        repositories.outbox.delivered(claimed, at(11))
        for query, count in (
            ({}, 4),
            ({"limit": 3}, 3),
            ({"job_id": first}, 2),
            ({"job_id": second, "destination": "pacs"}, 1),
            ({"destination": "nobody"}, 0),
            ({"delivery_id": claimed.delivery_id}, 1),
            ({"state": DeliveryState.DELIVERED}, 1),
            ({"before": claimed.delivery_id}, claimed.delivery_id - 1),
        ):
            listed = repositories.listing.deliveries(DeliveryQuery(**query))  # type: ignore[arg-type]
            assert len(listed) == count, query
            ids = [each.delivery_id for each in listed]
            assert ids == sorted(ids, reverse=True)

    def test_reviews_are_narrowed(self, repositories: Repositories) -> None:
        first = add(repositories, "1", said(Presence.PRESENT))
        second = add(repositories, "2", said(Presence.PRESENT))
        one = review(repositories, first, "1")
        two = review(repositories, first, "1", verdict=Verdict.NOT_ASSESSABLE, reviewer=BEN)
        three = review(repositories, second, "2")
        for query, found in (
            ({}, (three, two, one)),
            ({"limit": 1}, (three,)),
            ({"before": three.review_id}, (two, one)),
            ({"job_id": first}, (two, one)),
            ({"study_instance_uid": "2"}, (three,)),
            ({"verdict": Verdict.NOT_ASSESSABLE}, (two,)),
        ):
            assert repositories.listing.reviews(ReviewQuery(**query)) == found, query  # type: ignore[arg-type]
