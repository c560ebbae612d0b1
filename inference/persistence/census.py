"""The census, counted in the database."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from inference.domain.census import Census, Queued
from inference.domain.delivery import DeliveryState
from inference.domain.instance import Priority
from inference.domain.job import JobState
from inference.persistence.engine import Database
from inference.persistence.incidents import IS_OPEN, IS_TO_COMPARE
from inference.persistence.tables import deliveries, incidents, jobs, studies


class SqlCensusTaker:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self) -> Census:
        # Studies say how many Instances are theirs: to count those takes long where there are many.
        of_studies = select(
            studies.c.state,
            func.count(),
            func.sum(studies.c.instances),
            func.sum(studies.c.removed),
        ).group_by(studies.c.state)
        of_incidents = (
            select(incidents.c.kind, func.count()).where(IS_OPEN).group_by(incidents.c.kind)
        )
        waiting = (
            select(incidents.c.kind, func.count()).where(IS_TO_COMPARE).group_by(incidents.c.kind)
        )
        of_resolved = (
            select(incidents.c.decision, func.count())
            .where(~IS_OPEN)
            .group_by(incidents.c.decision)
        )
        of_jobs = (
            select(jobs.c.state, jobs.c.model_name, func.count())
            .where(~jobs.c.shadow)
            .group_by(jobs.c.state, jobs.c.model_name)
        )
        of_queue = (
            select(jobs.c.model_name, jobs.c.priority, func.count(), func.min(jobs.c.enqueued_at))
            .where(jobs.c.state == JobState.QUEUED)
            .group_by(jobs.c.model_name, jobs.c.priority)
            .order_by(jobs.c.model_name, jobs.c.priority)
        )
        with self._database.reading() as connection:
            states = connection.execute(of_studies).all()
            return Census(
                studies={state: count for state, count, *_ in states},
                jobs={(state, name): count for state, name, count in connection.execute(of_jobs)},
                queued=tuple(
                    Queued(name, Priority(priority), count, oldest)
                    for name, priority, count, oldest in connection.execute(of_queue)
                ),
                waiting=_by_destination(connection, DeliveryState.PENDING),
                failed=_by_destination(connection, DeliveryState.FAILED),
                instances=sum(int(held) for _, _, held, _ in states),
                removed=sum(int(gone) for *_, gone in states),
                incidents={kind: count for kind, count in connection.execute(of_incidents)},
                to_compare={kind: count for kind, count in connection.execute(waiting)},
                resolved={word: count for word, count in connection.execute(of_resolved)},
            )


def _by_destination(connection: Connection, state: DeliveryState) -> dict[str, int]:
    query = (
        select(deliveries.c.destination, func.count())
        .where(deliveries.c.state == state)
        .group_by(deliveries.c.destination)
    )
    return {destination: count for destination, count in connection.execute(query)}
