"""Everything that is kept, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inference.domain.delivery import Delivery
from inference.domain.job import Job
from inference.domain.listing import (
    DeliveryQuery,
    JobQuery,
    Listed,
    ResultQuery,
    ReviewQuery,
    StudyQuery,
)
from inference.domain.reading import Reading
from inference.domain.review import Review


class Listing(Protocol):
    """Reads what the other ports keep, the newest first; writes nothing.

    A result in shadow is listed nowhere: nobody was shown it.
    """

    def studies(self, query: StudyQuery) -> Sequence[tuple[int, Reading]]:
        """Return Studies with their numbers, the one that was first heard of last in front."""
        ...

    def results(self, query: ResultQuery) -> Sequence[Listed]:
        """Return results in the order of their Jobs; `before` is the number of a Job."""
        ...

    def result(self, job_id: int) -> Listed | None:
        """Return the result of a Job; None where there is none, or it is in shadow."""
        ...

    def jobs(self, query: JobQuery) -> Sequence[Job]: ...

    def deliveries(self, query: DeliveryQuery) -> Sequence[Delivery]: ...

    def reviews(self, query: ReviewQuery) -> Sequence[Review]: ...
