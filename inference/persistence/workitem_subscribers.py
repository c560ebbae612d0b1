"""Who is told of workitems, and what waits for them, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from inference.domain.workitem import StepState
from inference.domain.workitem_event import FILTERED, GLOBAL, KeptEvent, WorkitemEvent
from inference.domain.workitem_search import KeyCondition, grouped
from inference.persistence.engine import Database
from inference.persistence.workitem_events import (
    kept_event,
    prune_events,
    put_event,
    put_subscription,
    put_subscriptions,
    tell,
)
from inference.persistence.workitem_matching import holds
from inference.persistence.workitem_tables import (
    workitem_events,
    workitem_subscriptions,
    workitems,
)

OPEN = (StepState.SCHEDULED, StepState.IN_PROGRESS)
_EVERYTHING = (GLOBAL, FILTERED)


class SqlSubscribers:
    """The half of `Workitems` that is of those who listen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(
        self,
        ae_title: str,
        workitem_uid: str,
        *,
        locked: bool = False,
        conditions: Sequence[KeyCondition] = (),
        events: Sequence[WorkitemEvent] = (),
        at: datetime,
    ) -> None:
        with self._database.writing() as connection:
            put_subscription(
                connection, ae_title, workitem_uid, locked=locked, conditions=conditions
            )
            if workitem_uid in _EVERYTHING:
                is_open = select(workitems.c.workitem_uid).where(workitems.c.state.in_(OPEN))
                for group in grouped(tuple(conditions)):
                    is_open = is_open.where(*holds(group, is_sqlite=self._database.is_sqlite))
                put_subscriptions(connection, ae_title, is_open, locked=locked)
            for event in events:
                put_event(connection, ae_title, event, at)

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> bool:
        ended = delete(workitem_subscriptions).where(workitem_subscriptions.c.ae_title == ae_title)
        if workitem_uid not in _EVERYTHING:
            ended = ended.where(workitem_subscriptions.c.workitem_uid == workitem_uid)
        with self._database.writing() as connection:
            return connection.execute(ended).rowcount > 0

    def suspend(self, ae_title: str, workitem_uid: str) -> bool:
        ended = delete(workitem_subscriptions).where(
            workitem_subscriptions.c.ae_title == ae_title,
            workitem_subscriptions.c.workitem_uid == workitem_uid,
        )
        with self._database.writing() as connection:
            return connection.execute(ended).rowcount > 0

    def subscribers(self) -> Sequence[str]:
        query = select(workitem_subscriptions.c.ae_title).distinct()
        with self._database.reading() as connection:
            return connection.scalars(query).all()

    def announce(self, event: WorkitemEvent, at: datetime) -> None:
        with self._database.writing() as connection:
            tell(connection, (event,), at)

    def events(self, ae_title: str, limit: int = 100) -> Sequence[KeptEvent]:
        query = (
            select(workitem_events)
            .where(workitem_events.c.ae_title == ae_title)
            .order_by(workitem_events.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(kept_event(row) for row in connection.execute(query))

    def forget(self, ae_title: str, numbers: Sequence[int]) -> None:
        with self._database.writing() as connection:
            connection.execute(
                delete(workitem_events).where(
                    workitem_events.c.ae_title == ae_title, workitem_events.c.number.in_(numbers)
                )
            )

    def prune_events(self, before: datetime, limit: int = 1000) -> int:
        with self._database.writing() as connection:
            return prune_events(connection, before, limit)
