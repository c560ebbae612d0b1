"""What people say of results: kept, and put into words that an archive keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from inference.domain.instance import Description
from inference.domain.result import Result
from inference.domain.review import Review, Reviewed
from inference.ports.encoding import EncodedObject


class Reviews(Protocol):
    """Reviews are added, never altered and never deleted."""

    def record(
        self, review: Review, destinations: Sequence[str], description: Description | None = None
    ) -> Review:
        """In one transaction: keep `review`, add a Delivery of its report to each destination.

        The report is catalogued, by its `description` where there is one. Returns `review`
        with its number. Raises `InvalidReview` if the Job has no result or is in shadow,
        `ValueError` without a report; and then keeps nothing.
        """
        ...

    def of_job(self, job_id: int) -> Sequence[Review]:
        """Return every Review of a Job's result, also what is superseded, the oldest first."""
        ...

    def reviews(self, limit: int = 100, offset: int = 0) -> Sequence[Review]:
        """Return Reviews, the newest first."""
        ...

    def reviewed(self, since: datetime | None = None) -> Sequence[Reviewed]:
        """Return the results that somebody reviewed, the oldest first.

        `since`: only those that were produced then or later.
        """
        ...


class ReviewEncoder(Protocol):
    def encode(
        self, review: Review, result: Result, report: Path, previous: Review | None
    ) -> EncodedObject:
        """Return the object that says what `review` says of `result`.

        `report` is the AI's report: Study, patient and evidence are taken from it.
        `previous` is what `review` supersedes. The same arguments give the same object.
        """
        ...
