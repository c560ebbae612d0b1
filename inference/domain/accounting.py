"""The account of everything that came in: nothing may be missing from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Counts. `problems` lists the sums that do not add up; it must be empty.

    Studies: received = receiving + stable. Jobs: one or more for each stable revision,
    each queued, running, done, refused or failed. Deliveries: one for each ended Job and
    Destination, each pending, delivered or failed. Incidents: set aside, not in a Study.
    """

    studies_received: int
    studies_receiving: int
    studies_stable: int
    revisions: int
    instances: int
    jobs: int
    jobs_queued: int
    jobs_running: int
    jobs_done: int
    jobs_refused: int
    jobs_failed: int
    results: int
    deliveries: int
    deliveries_pending: int
    deliveries_delivered: int
    deliveries_failed: int
    conflicts: int
    unreadable: int

    @property
    def problems(self) -> tuple[str, ...]:
        checks = (
            (
                "studies received = receiving + stable",
                self.studies_received == self.studies_receiving + self.studies_stable,
            ),
            (
                "jobs = queued + running + done + refused + failed",
                self.jobs
                == self.jobs_queued
                + self.jobs_running
                + self.jobs_done
                + self.jobs_refused
                + self.jobs_failed,
            ),
            ("every revision has a job", self.jobs >= self.revisions),
            (
                "every ended job has a result",
                self.results == self.jobs_done + self.jobs_refused + self.jobs_failed,
            ),
            (
                "deliveries = pending + delivered + failed",
                self.deliveries
                == self.deliveries_pending + self.deliveries_delivered + self.deliveries_failed,
            ),
        )
        return tuple(text for text, holds in checks if not holds)
