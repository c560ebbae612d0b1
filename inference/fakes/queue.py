"""`JobQueue` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inference.domain.delivery import DeliveryState
from inference.domain.event import EventKind, event_of
from inference.domain.job import Job, JobRequest, JobState, Lease
from inference.fakes.store import MemoryStore


class MemoryJobQueue:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def enqueue(self, requests: Sequence[JobRequest], at: datetime) -> None:
        with self._store.transaction():
            for request in requests:
                self._store.add_job(request, at)

    def claim(self, worker: str, now: datetime, lease: timedelta) -> Lease | None:
        with self._store.transaction():
            due = [
                row
                for row in self._store.jobs.values()
                if row.job.state in (JobState.QUEUED, JobState.RUNNING) and row.due_at <= now
            ]
            if not due:
                return None
            row = min(
                due,
                key=lambda row: (
                    -row.job.request.priority,
                    row.job.request.shadow,
                    row.job.enqueued_at,
                    row.job.job_id,
                ),
            )
            row.job = replace(
                row.job, state=JobState.RUNNING, attempts=row.job.attempts + 1, started_at=now
            )
            row.due_at, row.worker, row.fence = now + lease, worker, row.fence + 1
            self._store.tell(event_of(row.job, EventKind.JOB_STARTED), now)
            return row.lease

    def extend(self, lease: Lease, now: datetime, by: timedelta) -> Lease:
        with self._store.transaction():
            row = self._store.held(lease)
            row.due_at = now + by
            return row.lease

    def retry(self, lease: Lease, error: str, not_before: datetime, *, counts: bool = True) -> None:
        with self._store.transaction():
            row = self._store.held(lease)
            attempts = row.job.attempts - int(not counts)
            row.job = replace(row.job, state=JobState.QUEUED, error=error, attempts=attempts)
            row.due_at, row.worker = not_before, ""

    def release(self, worker: str, *, counts: bool = True) -> int:
        with self._store.transaction():
            held = [
                row
                for row in self._store.jobs.values()
                if row.job.state is JobState.RUNNING and row.worker == worker
            ]
            for row in held:
                attempts = row.job.attempts - int(not counts)
                row.job = replace(row.job, state=JobState.QUEUED, attempts=attempts)
                row.due_at, row.worker = row.job.started_at or row.due_at, ""
            return len(held)

    def leases(self) -> Sequence[Lease]:
        with self._store.transaction():
            running = [
                row.lease for row in self._store.jobs.values() if row.job.state is JobState.RUNNING
            ]
        return tuple(sorted(running, key=lambda each: (each.job.started_at, each.job.job_id)))

    def replay(self, job_id: int, at: datetime) -> bool:
        with self._store.transaction():
            row = self._store.jobs.get(job_id)
            if row is None or row.job.state is not JobState.FAILED:
                return False
            row.job = Job(job_id, row.job.request, JobState.QUEUED, attempts=0, enqueued_at=at)
            row.due_at = at
            for each in self._store.results.pop(job_id).objects:
                self._store.catalog.pop(each.sop_instance_uid, None)
            self._store.deliveries = {
                number: each
                for number, each in self._store.deliveries.items()
                if each.job_id != job_id or each.state is DeliveryState.DELIVERED
            }
            return True

    def job(self, job_id: int) -> Job | None:
        with self._store.transaction():
            row = self._store.jobs.get(job_id)
            return None if row is None else row.job

    def jobs(
        self, study_instance_uid: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> Sequence[Job]:
        with self._store.transaction():
            found = [
                row.job
                for row in reversed(self._store.jobs.values())
                if study_instance_uid in (None, row.job.request.study_instance_uid)
                and state in (None, row.job.state)
            ]
            return tuple(found[:limit])
