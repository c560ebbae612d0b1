"""Jobs in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from inference.domain.delivery import DeliveryState
from inference.domain.errors import LeaseLost
from inference.domain.event import EventKind, event_of
from inference.domain.instance import Priority
from inference.domain.job import Job, JobRequest, JobState, Lease, ModelId
from inference.persistence import tickets
from inference.persistence.cataloguing import forget
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.standing import refresh_standing
from inference.persistence.tables import deliveries, jobs, result_objects, results


class SqlJobQueue:
    """`JobQueue` in the same database as the index, so that both change in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, requests: Sequence[JobRequest], at: datetime) -> None:
        try:
            with self._database.writing() as connection:
                insert_jobs(connection, requests, at)
        except IntegrityError:
            # Somebody else enqueued one of them between our look and our insert.
            with self._database.writing() as connection:
                insert_jobs(connection, requests, at)

    def claim(self, worker: str, now: datetime, lease: timedelta) -> Lease | None:
        with self._database.writing() as connection:
            row = self._take(connection, worker, now, lease)
            if row is None:
                return None
            append(connection, event_of(job_of(row), EventKind.JOB_STARTED))
            return _lease(row)

    def _take(
        self, connection: Connection, worker: str, now: datetime, lease: timedelta
    ) -> Any | None:
        """Return the row of the most urgent Job that is due, which is running now."""
        due = (
            select(jobs.c.job_id)
            .where(jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING)), jobs.c.due_at <= now)
            .order_by(jobs.c.priority.desc(), jobs.c.shadow, jobs.c.enqueued_at, jobs.c.job_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return connection.execute(
            update(jobs)
            .where(jobs.c.job_id == due.scalar_subquery())
            .values(running(worker, now, lease))
            .returning(jobs)
        ).one_or_none()

    def extend(self, lease: Lease, now: datetime, by: timedelta) -> Lease:
        with self._database.writing() as connection:
            row = connection.execute(
                update(jobs).where(held(lease)).values(due_at=now + by).returning(jobs)
            ).one_or_none()
            if row is None:
                raise LeaseLost()
            return _lease(row)

    def retry(self, lease: Lease, error: str, not_before: datetime, *, counts: bool = True) -> None:
        with self._database.writing() as connection:
            changed = connection.execute(
                update(jobs)
                .where(held(lease))
                .values(
                    state=JobState.QUEUED,
                    worker="",
                    due_at=not_before,
                    error=error,
                    attempts=jobs.c.attempts - int(not counts),
                )
            )
            if not changed.rowcount:
                raise LeaseLost()
            tickets.give_back(connection, [lease.job.job_id], not_before)

    def release(self, worker: str, *, counts: bool = True) -> int:
        with self._database.writing() as connection:
            released = connection.execute(
                update(jobs)
                .where(jobs.c.state == JobState.RUNNING, jobs.c.worker == worker)
                .values(
                    state=JobState.QUEUED,
                    worker="",
                    due_at=jobs.c.started_at,
                    attempts=jobs.c.attempts - int(not counts),
                )
                .returning(jobs.c.job_id, jobs.c.due_at)
            ).all()
            for row in released:
                tickets.give_back(connection, [row.job_id], row.due_at)
            return len(released)

    def leases(self) -> Sequence[Lease]:
        running = (
            select(jobs)
            .where(jobs.c.state == JobState.RUNNING)
            .order_by(jobs.c.started_at, jobs.c.job_id)
        )
        with self._database.reading() as connection:
            return tuple(_lease(row) for row in connection.execute(running))

    def replay(self, job_id: int, at: datetime) -> bool:
        with self._database.writing() as connection:
            changed = connection.execute(
                update(jobs)
                .where(jobs.c.job_id == job_id, jobs.c.state == JobState.FAILED)
                .values(
                    state=JobState.QUEUED,
                    attempts=0,
                    enqueued_at=at,
                    due_at=at,
                    started_at=None,
                    finished_at=None,
                    error="",
                )
                .returning(jobs)
            ).one_or_none()
            if changed is None:
                return False
            tickets.defer(connection, job_id, job_of(changed).request)
            result = select(results.c.result_id).where(results.c.job_id == job_id)
            made = select(result_objects.c.sop_instance_uid).where(
                result_objects.c.result_id.in_(result)
            )
            forget(connection, connection.scalars(made).all())
            connection.execute(delete(result_objects).where(result_objects.c.result_id.in_(result)))
            forgotten = connection.scalars(
                delete(results)
                .where(results.c.job_id == job_id)
                .returning(results.c.study_instance_uid)
            )
            for study_instance_uid in forgotten.all():
                refresh_standing(connection, study_instance_uid)
            connection.execute(
                delete(deliveries).where(
                    deliveries.c.job_id == job_id, deliveries.c.state != DeliveryState.DELIVERED
                )
            )
            return True

    def job(self, job_id: int) -> Job | None:
        with self._database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
            return None if row is None else job_of(row)

    def jobs(
        self, study_instance_uid: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> Sequence[Job]:
        query = select(jobs).order_by(jobs.c.job_id.desc()).limit(limit)
        if study_instance_uid is not None:
            query = query.where(jobs.c.study_instance_uid == study_instance_uid)
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._database.reading() as connection:
            return tuple(job_of(row) for row in connection.execute(query))


def insert_jobs(connection: Connection, requests: Sequence[JobRequest], at: datetime) -> None:
    """Enqueue in the transaction of `connection` what is not there yet."""
    for request in requests:
        name, version = model_columns(request.model)
        same = and_(
            jobs.c.study_instance_uid == request.study_instance_uid,
            jobs.c.revision == request.revision,
            jobs.c.model_name == name,
            jobs.c.shadow == request.shadow,
        )
        if connection.scalar(select(jobs.c.job_id).where(same)) is not None:
            continue
        job_id = connection.scalar(
            insert(jobs)
            .values(
                study_instance_uid=request.study_instance_uid,
                revision=request.revision,
                model_name=name,
                model_version=version,
                rule=request.rule,
                priority=int(request.priority),
                instances=list(request.instances),
                why=request.why,
                shadow=request.shadow,
                state=JobState.QUEUED,
                attempts=0,
                fence=0,
                worker="",
                enqueued_at=at,
                due_at=at,
                error="",
            )
            .returning(jobs.c.job_id)
        )
        assert job_id is not None
        tickets.defer(connection, job_id, request)


def running(worker: str, now: datetime, lease: timedelta) -> dict[str, Any]:
    """Return what changes in a Job that `worker` takes."""
    return {
        "state": JobState.RUNNING,
        "attempts": jobs.c.attempts + 1,
        "fence": jobs.c.fence + 1,
        "worker": worker,
        "started_at": now,
        "due_at": now + lease,
    }


def held(lease: Lease) -> ColumnElement[bool]:
    """Return the condition that `lease` still is the right to work on its Job."""
    return and_(
        jobs.c.job_id == lease.job.job_id,
        jobs.c.fence == lease.fence,
        jobs.c.state == JobState.RUNNING,
    )


def model_columns(model: ModelId | None) -> tuple[str, str]:
    return ("", "") if model is None else (model.name, model.version)


def model_of(row: Any) -> ModelId | None:
    return ModelId(row.model_name, row.model_version) if row.model_name else None


def job_of(row: Any) -> Job:
    return Job(
        job_id=row.job_id,
        request=JobRequest(
            study_instance_uid=row.study_instance_uid,
            revision=row.revision,
            model=model_of(row),
            rule=row.rule,
            priority=Priority(row.priority),
            instances=tuple(row.instances),
            why=row.why,
            shadow=row.shadow,
        ),
        state=row.state,
        attempts=row.attempts,
        enqueued_at=row.enqueued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
    )


def _lease(row: Any) -> Lease:
    return Lease(job=job_of(row), worker=row.worker, fence=row.fence, expires_at=row.due_at)
