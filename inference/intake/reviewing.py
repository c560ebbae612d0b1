"""The desk at which people hand in what they say of a result."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from inference.domain.code import Code
from inference.domain.errors import InputError, InvalidReview
from inference.domain.finding import Presence
from inference.domain.instance import Description
from inference.domain.job import Job
from inference.domain.result import Result, ResultObject, Role
from inference.domain.review import (
    Review,
    Reviewer,
    ReviewReason,
    Verdict,
    check_review,
    current,
)
from inference.ports import Archive, Clock, JobQueue, Results, ReviewEncoder, Reviews
from inference.ports.meter import Meter, Unmetered

_TICK = timedelta(microseconds=1)


class ReviewDesk:
    """Takes Reviews: what is returned lies on the disk and is on its way."""

    def __init__(
        self,
        *,
        queue: JobQueue,
        results: Results,
        reviews: Reviews,
        archive: Archive,
        encoder: ReviewEncoder,
        clock: Clock,
        destinations: Sequence[str],
        meter: Meter | None = None,
    ) -> None:
        self._queue = queue
        self._results = results
        self._reviews = reviews
        self._archive = archive
        self._encoder = encoder
        self._clock = clock
        self._destinations = tuple(destinations)
        self._meter = meter or Unmetered()
        # One at a time: each names the one that it supersedes.
        self._turn = threading.Lock()

    def find(self, job_id: int) -> tuple[Job, Result] | None:
        """Return a result that was delivered, by its Job's number."""
        job, result = self._queue.job(job_id), self._results.of_job(job_id)
        if job is None or result is None or job.request.shadow:
            return None
        return job, result

    def take(
        self,
        job: Job,
        result: Result,
        reviewer: Reviewer,
        verdict: Verdict,
        *,
        finding: int | None = None,
        presence: Presence | None = None,
        right_finding: Code | None = None,
        reason: ReviewReason | None = None,
        comment: str = "",
    ) -> tuple[Review, bool]:
        """Keep a Review and its report; return it, and whether it is new.

        Who says once more what they said last says nothing new: an answer may have been lost
        on its way. Raises `InvalidReview`, `OutOfSpace` or `RepositoryUnavailable`.
        """
        said = Review(
            job_id=job.job_id,
            study_instance_uid=result.study_instance_uid,
            finding=finding,
            verdict=verdict,
            reviewer=reviewer,
            reviewed_at=self._clock.now(),
            presence=presence,
            right_finding=right_finding,
            reason=reason,
            comment=comment,
        )
        check_review(said, job, result)
        self._archive.check_space()
        with self._turn:
            previous = next(
                (
                    each
                    for each in current(self._reviews.of_job(job.job_id))
                    if each.about == said.about
                ),
                None,
            )
            if previous is not None and _same(previous, said):
                return previous, False
            said = replace(said, reviewed_at=self._now(previous))
            report = self._keep(said, result, previous)
            kept = self._reviews.record(
                replace(said, report=report), self._destinations, self._describe(report)
            )
            self._meter.reviewed(result.model, verdict)
            return kept, True

    def _now(self, previous: Review | None) -> datetime:
        """Return the time; later than `previous`, however the clock was set: UIDs hold it."""
        now = self._clock.now()
        return now if previous is None else max(now, previous.reviewed_at + _TICK)

    def _keep(self, review: Review, result: Result, previous: Review | None) -> ResultObject:
        report = next((each for each in result.objects if each.role is Role.REPORT), None)
        if report is None:
            raise InvalidReview("the result has no report that a review could refer to")
        path = self._archive.path(report.key)
        encoded = self._encoder.encode(review, result, path, previous)
        study = result.study_instance_uid
        return ResultObject(
            role=encoded.role,
            sop_class_uid=encoded.sop_class_uid,
            sop_instance_uid=encoded.sop_instance_uid,
            series_instance_uid=encoded.series_instance_uid,
            study_instance_uid=study,
            key=self._archive.keep_result(study, encoded.sop_instance_uid, encoded.part10),
        )

    def _describe(self, report: ResultObject) -> Description | None:
        with suppress(InputError):  # what cannot be read is catalogued by its UIDs
            return self._archive.describe(self._archive.path(report.key))
        return None


def _same(previous: Review, said: Review) -> bool:
    return said == replace(
        previous, review_id=said.review_id, report=said.report, reviewed_at=said.reviewed_at
    )
