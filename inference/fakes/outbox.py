"""`Outbox` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inference.domain.delivery import Backlog, Delivery, DeliveryState
from inference.domain.errors import LeaseLost
from inference.domain.event import Event, EventKind
from inference.fakes.store import MemoryStore


class MemoryOutbox:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def claim(self, now: datetime, lease: timedelta) -> Delivery | None:
        with self._store.transaction():
            due = [
                each
                for each in self._store.deliveries.values()
                if each.state is DeliveryState.PENDING and each.next_attempt_at <= now
            ]
            if not due:
                return None
            first = min(due, key=lambda each: (each.next_attempt_at, each.delivery_id))
            return self._keep(
                replace(first, attempts=first.attempts + 1, next_attempt_at=now + lease)
            )

    def extend(self, delivery: Delivery, now: datetime, by: timedelta) -> Delivery:
        with self._store.transaction():
            held = self._claimed(delivery)
            if held is None:
                raise LeaseLost()
            return self._keep(replace(held, next_attempt_at=now + by))

    def release(self, at: datetime) -> int:
        with self._store.transaction():
            later = [
                each
                for each in self._store.deliveries.values()
                if each.state is DeliveryState.PENDING and each.next_attempt_at > at
            ]
            for each in later:
                self._keep(replace(each, next_attempt_at=at))
            return len(later)

    def delivered(self, delivery: Delivery, at: datetime) -> None:
        with self._store.transaction():
            held = self._store.deliveries.get(delivery.delivery_id)
            if held is not None and held.state is not DeliveryState.DELIVERED:
                self._keep(replace(held, state=DeliveryState.DELIVERED, delivered_at=at, error=""))
                self._tell(held, EventKind.DELIVERY_SENT, at)

    def retry(self, delivery: Delivery, error: str, not_before: datetime) -> None:
        with self._store.transaction():
            held = self._claimed(delivery)
            if held is not None:
                self._keep(replace(held, next_attempt_at=not_before, error=error))

    def fail(self, delivery: Delivery, error: str) -> None:
        with self._store.transaction():
            held = self._claimed(delivery)
            if held is not None:
                self._keep(replace(held, state=DeliveryState.FAILED, error=error))
                self._tell(held, EventKind.DELIVERY_FAILED, held.next_attempt_at)

    def replay(self, delivery_id: int, at: datetime) -> bool:
        with self._store.transaction():
            held = self._store.deliveries.get(delivery_id)
            if held is None or held.state is not DeliveryState.FAILED:
                return False
            self._keep(
                replace(held, state=DeliveryState.PENDING, attempts=0, next_attempt_at=at, error="")
            )
            return True

    def deliveries(
        self, job_id: int | None = None, limit: int = 100, state: DeliveryState | None = None
    ) -> Sequence[Delivery]:
        with self._store.transaction():
            found = [
                each
                for _, each in sorted(self._store.deliveries.items(), reverse=True)
                if job_id in (None, each.job_id) and state in (None, each.state)
            ]
            return tuple(found[:limit])

    def backlog(self) -> Sequence[Backlog]:
        with self._store.transaction():
            held = list(self._store.deliveries.values())
        names = sorted({each.destination for each in held})
        return tuple(_backlog(name, [e for e in held if e.destination == name]) for name in names)

    def _tell(self, delivery: Delivery, kind: EventKind, at: datetime) -> None:
        told = Event(
            kind,
            self._store.jobs[delivery.job_id].job.request.study_instance_uid,
            job_id=delivery.job_id,
            delivery_id=delivery.delivery_id,
            detail=delivery.destination,
        )
        self._store.tell(told, at)

    def _keep(self, delivery: Delivery) -> Delivery:
        self._store.deliveries[delivery.delivery_id] = delivery
        return delivery

    def _claimed(self, delivery: Delivery) -> Delivery | None:
        held = self._store.deliveries.get(delivery.delivery_id)
        if held is None or held.state is not DeliveryState.PENDING:
            return None
        return held if held.attempts == delivery.attempts else None


def _backlog(name: str, held: Sequence[Delivery]) -> Backlog:
    states = [each.state for each in held]
    return Backlog(
        name,
        pending=states.count(DeliveryState.PENDING),
        delivered=states.count(DeliveryState.DELIVERED),
        failed=states.count(DeliveryState.FAILED),
        due=min(
            (each.next_attempt_at for each in held if each.state is DeliveryState.PENDING),
            default=None,
        ),
    )
