"""The account of everything that came in: nothing may be missing from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Counts. `problems` lists the sums that do not add up; it must be empty.

    Studies: received = receiving + stable. Instances are held, or were until retention took
    them away (`removed`); Studies say by themselves how many of either are theirs
    (`instances_by_study`, `removed_by_study`). Jobs: one or more for each stable revision,
    each queued, running, done, refused or failed. Deliveries: one for each ended Job, and
    for each review of a result, and Destination; each pending, delivered or failed.
    Incidents: set aside, not in a Study; open ones are `conflicts` or `unreadable`. Of
    resolved ones some were the same image (`incidents_same`), and the bytes of some are
    removed (`incidents_removed`). Jobs in shadow, and their
    results, stand apart and count nowhere else.
    """

    studies_received: int
    studies_receiving: int
    studies_stable: int
    revisions: int
    instances: int
    removed: int
    instances_by_study: int
    removed_by_study: int
    jobs: int
    jobs_queued: int
    jobs_running: int
    jobs_done: int
    jobs_refused: int
    jobs_failed: int
    results: int
    shadow_jobs: int
    shadow_queued: int
    shadow_running: int
    shadow_done: int
    shadow_refused: int
    shadow_failed: int
    shadow_results: int
    shadow_deliveries: int
    deliveries: int
    deliveries_pending: int
    deliveries_delivered: int
    deliveries_failed: int
    incidents: int
    conflicts: int
    unreadable: int
    incidents_resolved: int
    incidents_same: int
    incidents_removed: int

    @property
    def problems(self) -> tuple[str, ...]:
        checks = (
            (
                "studies received = receiving + stable",
                self.studies_received == self.studies_receiving + self.studies_stable,
            ),
            ("instances = those of all studies", self.instances == self.instances_by_study),
            ("instances removed = those that studies miss", self.removed == self.removed_by_study),
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
                "shadow jobs = queued + running + done + refused + failed",
                self.shadow_jobs
                == self.shadow_queued
                + self.shadow_running
                + self.shadow_done
                + self.shadow_refused
                + self.shadow_failed,
            ),
            (
                "every ended shadow job has a result",
                self.shadow_results == self.shadow_done + self.shadow_refused + self.shadow_failed,
            ),
            ("no shadow job is delivered", self.shadow_deliveries == 0),
            (
                "deliveries = pending + delivered + failed",
                self.deliveries
                == self.deliveries_pending + self.deliveries_delivered + self.deliveries_failed,
            ),
            (
                "incidents = conflicts + unreadable + resolved",
                self.incidents == self.conflicts + self.unreadable + self.incidents_resolved,
            ),
            (
                "only resolved incidents were the same image",
                self.incidents_same <= self.incidents_resolved,
            ),
            (
                "what open incidents set aside is there",
                self.incidents_removed <= self.incidents_resolved,
            ),
        )
        return tuple(text for text, holds in checks if not holds)
