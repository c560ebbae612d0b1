"""`Reviews` in memory, and a `ReviewEncoder` that writes no DICOM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from inference.domain.errors import InvalidReview
from inference.domain.event import Event, EventKind
from inference.domain.instance import Description
from inference.domain.result import Result, Role
from inference.domain.review import Review, Reviewed, current
from inference.domain.uid import derive_uid
from inference.fakes.results import by_role
from inference.fakes.store import MemoryStore
from inference.ports import EncodedObject

_COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"  # PS3.4 Annex B.5


class MemoryReviews:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def record(
        self, review: Review, destinations: Sequence[str], description: Description | None = None
    ) -> Review:
        if review.report is None:
            raise ValueError("a review without its report")
        with self._store.transaction():
            row = self._store.jobs.get(review.job_id)
            if row is None or row.job.request.shadow or review.job_id not in self._store.results:
                raise InvalidReview("there is no result to review")
            kept = replace(review, review_id=len(self._store.reviews) + 1)
            self._store.reviews.append(kept)
            known = description or by_role(review.report)
            self._store.catalogue(known, review.report.key, described=description is not None)
            self._store.deliver(review.job_id, [review.report], destinations, review.reviewed_at)
            told = Event(
                EventKind.REVIEW_MADE,
                kept.study_instance_uid,
                job_id=kept.job_id,
                review_id=kept.review_id,
                detail=kept.verdict.value,
            )
            self._store.tell(told, kept.reviewed_at)
            return kept

    def of_job(self, job_id: int) -> Sequence[Review]:
        with self._store.transaction():
            return tuple(each for each in self._store.reviews if each.job_id == job_id)

    def reviews(self, limit: int = 100, offset: int = 0) -> Sequence[Review]:
        with self._store.transaction():
            return tuple(reversed(self._store.reviews))[offset : offset + limit]

    def reviewed(self, since: datetime | None = None) -> Sequence[Reviewed]:
        with self._store.transaction():
            found = [
                Reviewed(self._store.jobs[job_id].job, result, current(self.of_job(job_id)))
                for job_id, result in self._store.results.items()
                if since is None or result.produced_at >= since
            ]
            return tuple(each for each in found if each.reviews)


class FakeReviewEncoder:
    """`part10` is JSON. `calls` are the Reviews that came in."""

    def __init__(self) -> None:
        self.calls: list[Review] = []

    def encode(
        self, review: Review, result: Result, report: Path, previous: Review | None
    ) -> EncodedObject:
        self.calls.append(review)
        parts = (*map(str, review.about), review.reviewed_at.isoformat())
        said = {
            "report": report.name,
            "verdict": review.verdict.value,
            "previous": previous.review_id if previous else None,
        }
        return EncodedObject(
            role=Role.REVIEW,
            sop_class_uid=_COMPREHENSIVE_3D_SR,
            sop_instance_uid=derive_uid("review", *parts),
            series_instance_uid=derive_uid("review", *parts, "series"),
            part10=json.dumps(said, sort_keys=True).encode(),
        )
