"""Deliveries in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, select, update

from inference.domain.delivery import Backlog, Delivery, DeliveryState
from inference.domain.errors import LeaseLost
from inference.domain.event import Event, EventKind
from inference.domain.result import ResultObject
from inference.persistence.codec import to_json, tuple_from_json
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.tables import deliveries, jobs

CHANNEL = "wetread_deliveries"  # where PostgreSQL tells of a Delivery that is due


class SqlOutbox:
    """`Outbox`. A Delivery's `attempts` is the fence of its claim."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, now: datetime, lease: timedelta) -> Delivery | None:
        due = (
            select(deliveries.c.delivery_id)
            .where(deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_attempt_at <= now)
            .order_by(deliveries.c.next_attempt_at, deliveries.c.delivery_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        take = (
            update(deliveries)
            .where(deliveries.c.delivery_id == due.scalar_subquery())
            .values(attempts=deliveries.c.attempts + 1, next_attempt_at=now + lease)
            .returning(deliveries)
        )
        with self._database.writing() as connection:
            row = connection.execute(take).one_or_none()
            return None if row is None else delivery_of(row)

    def extend(self, delivery: Delivery, now: datetime, by: timedelta) -> Delivery:
        keep = update(deliveries).where(_claimed(delivery)).values(next_attempt_at=now + by)
        with self._database.writing() as connection:
            row = connection.execute(keep.returning(deliveries)).one_or_none()
            if row is None:
                raise LeaseLost()
            return delivery_of(row)

    def release(self, at: datetime) -> int:
        later = and_(deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_attempt_at > at)
        with self._database.writing() as connection:
            return connection.execute(
                update(deliveries).where(later).values(next_attempt_at=at)
            ).rowcount

    def delivered(self, delivery: Delivery, at: datetime) -> None:
        # True whoever claimed it in the meantime: the destination has the objects.
        self._end(
            and_(
                deliveries.c.delivery_id == delivery.delivery_id,
                deliveries.c.state != DeliveryState.DELIVERED,
            ),
            delivery,
            EventKind.DELIVERY_SENT,
            state=DeliveryState.DELIVERED,
            delivered_at=at,
            error="",
        )

    def retry(self, delivery: Delivery, error: str, not_before: datetime) -> None:
        self._end(_claimed(delivery), next_attempt_at=not_before, error=error)

    def fail(self, delivery: Delivery, error: str) -> None:
        self._end(
            _claimed(delivery),
            delivery,
            EventKind.DELIVERY_FAILED,
            state=DeliveryState.FAILED,
            error=error,
        )

    def replay(self, delivery_id: int, at: datetime) -> bool:
        failed = and_(
            deliveries.c.delivery_id == delivery_id, deliveries.c.state == DeliveryState.FAILED
        )
        again = {
            "state": DeliveryState.PENDING,
            "attempts": 0,
            "next_attempt_at": at,
            "error": "",
        }
        with self._database.writing() as connection:
            if not connection.execute(update(deliveries).where(failed).values(again)).rowcount:
                return False
            _tell(connection)
            return True

    def deliveries(
        self, job_id: int | None = None, limit: int = 100, state: DeliveryState | None = None
    ) -> Sequence[Delivery]:
        query = select(deliveries).order_by(deliveries.c.delivery_id.desc()).limit(limit)
        if job_id is not None:
            query = query.where(deliveries.c.job_id == job_id)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        with self._database.reading() as connection:
            return tuple(delivery_of(row) for row in connection.execute(query))

    def backlog(self) -> Sequence[Backlog]:
        def count(state: DeliveryState) -> ColumnElement[int]:
            return func.count(case((deliveries.c.state == state, 1)))

        pending = deliveries.c.state == DeliveryState.PENDING
        query = (
            select(
                deliveries.c.destination,
                *(count(each) for each in DeliveryState),
                func.min(case((pending, deliveries.c.next_attempt_at))),
            )
            .group_by(deliveries.c.destination)
            .order_by(deliveries.c.destination)
        )
        with self._database.reading() as connection:
            return tuple(Backlog(*row) for row in connection.execute(query))

    def _end(
        self,
        condition: ColumnElement[bool],
        delivery: Delivery | None = None,
        kind: EventKind | None = None,
        **values: object,
    ) -> None:
        """Change a row, and tell of it where there is a `kind`."""
        with self._database.writing() as connection:
            changed = connection.execute(update(deliveries).where(condition).values(values))
            if changed.rowcount and delivery is not None and kind is not None:
                uid = select(jobs.c.study_instance_uid).where(jobs.c.job_id == delivery.job_id)
                append(
                    connection,
                    Event(
                        kind,
                        connection.scalars(uid).one(),
                        job_id=delivery.job_id,
                        delivery_id=delivery.delivery_id,
                        detail=delivery.destination,
                    ),
                )


def insert_deliveries(
    connection: Connection,
    job_id: int,
    objects: Sequence[ResultObject],
    destinations: Sequence[str],
    at: datetime,
) -> None:
    """Let `objects` be brought to each of `destinations`, in the transaction of `connection`."""
    for destination in dict.fromkeys(destinations):
        connection.execute(
            insert(deliveries).values(
                job_id=job_id,
                destination=destination,
                state=DeliveryState.PENDING,
                attempts=0,
                objects=to_json(objects),
                next_attempt_at=at,
                error="",
            )
        )
    if destinations:
        _tell(connection)


def _tell(connection: Connection) -> None:
    """Tell who listens that a Delivery is due, when the transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, "")))


def _claimed(delivery: Delivery) -> ColumnElement[bool]:
    return and_(
        deliveries.c.delivery_id == delivery.delivery_id,
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.attempts == delivery.attempts,
    )


def delivery_of(row: Any) -> Delivery:
    """Return the Delivery of a row of `deliveries`."""
    return Delivery(
        delivery_id=row.delivery_id,
        job_id=row.job_id,
        destination=row.destination,
        state=row.state,
        attempts=row.attempts,
        objects=tuple_from_json(ResultObject, row.objects),
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        error=row.error,
    )
