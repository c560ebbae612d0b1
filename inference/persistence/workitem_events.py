"""Subscriptions to workitems, and the events that wait, inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Connection, Select, delete, insert, literal, or_, select, update

from inference.domain.matching import AnyOf, Between, Empty, Like, Match
from inference.domain.workitem import Workitem
from inference.domain.workitem_event import (
    FILTERED,
    GLOBAL,
    LONGEST_WAIT,
    MOST_EVENTS,
    EventKind,
    KeptEvent,
    WorkitemEvent,
)
from inference.domain.workitem_search import Key, KeyCondition, matches
from inference.persistence.workitem_tables import workitem_events, workitem_subscriptions

_MATCHES: Final = {each.__name__: each for each in (AnyOf, Like, Between, Empty)}


def subscribe_all(connection: Connection, item: Workitem) -> None:
    """Subscribe to a new workitem whoever wants to know of all."""
    rows = connection.execute(
        select(workitem_subscriptions).where(
            workitem_subscriptions.c.workitem_uid.in_((GLOBAL, FILTERED))
        )
    ).all()
    for row in rows:
        if row.workitem_uid == GLOBAL or matches(item, conditions_of(row.conditions)):
            put_subscription(connection, row.ae_title, item.workitem_uid, locked=row.locked)


def put_subscription(
    connection: Connection,
    ae_title: str,
    workitem_uid: str,
    *,
    locked: bool,
    conditions: Sequence[KeyCondition] = (),
) -> None:
    same = {"ae_title": ae_title, "workitem_uid": workitem_uid}
    said = {"locked": locked, "conditions": [_to_json(each) for each in conditions]}
    changed = connection.execute(
        update(workitem_subscriptions)
        .where(
            workitem_subscriptions.c.ae_title == ae_title,
            workitem_subscriptions.c.workitem_uid == workitem_uid,
        )
        .values(**said)
    )
    if not changed.rowcount:
        connection.execute(insert(workitem_subscriptions).values(**same, **said))


def put_subscriptions(
    connection: Connection, ae_title: str, uids: Select[tuple[str]], *, locked: bool
) -> None:
    """Subscribe to all that `uids` selects, in two statements however many they are."""
    held = select(workitem_subscriptions.c.workitem_uid).where(
        workitem_subscriptions.c.ae_title == ae_title
    )
    connection.execute(
        update(workitem_subscriptions)
        .where(
            workitem_subscriptions.c.ae_title == ae_title,
            workitem_subscriptions.c.workitem_uid.in_(uids),
        )
        .values(locked=locked)
    )
    (uid,) = uids.selected_columns
    rows = uids.with_only_columns(literal(ae_title), uid, literal(locked), literal([], JSON)).where(
        uid.not_in(held)
    )
    columns = ["ae_title", "workitem_uid", "locked", "conditions"]
    connection.execute(insert(workitem_subscriptions).from_select(columns, rows))


def tell(connection: Connection, events: Iterable[WorkitemEvent], at: datetime) -> None:
    """Put `events` aside for the subscribers of what they are about."""
    for event in events:
        about = workitem_subscriptions.c.workitem_uid == event.workitem_uid
        if event.workitem_uid == GLOBAL:
            about = or_(about, workitem_subscriptions.c.workitem_uid == FILTERED)
        subscribers = connection.scalars(
            select(workitem_subscriptions.c.ae_title).where(about).distinct()
        ).all()
        for ae_title in subscribers:
            put_event(connection, ae_title, event, at)


def put_event(connection: Connection, ae_title: str, event: WorkitemEvent, at: datetime) -> None:
    connection.execute(
        insert(workitem_events).values(
            ae_title=ae_title,
            kind=int(event.kind),
            workitem_uid=event.workitem_uid,
            data=dict(event.data),
            occurred_at=at,
        )
    )
    of_subscriber = workitem_events.c.ae_title == ae_title
    surplus = (
        select(workitem_events.c.number)
        .where(of_subscriber)
        .order_by(workitem_events.c.number.desc())
        .offset(MOST_EVENTS)
        .limit(1)
    )
    connection.execute(
        delete(workitem_events).where(
            of_subscriber,
            or_(
                workitem_events.c.number <= surplus.scalar_subquery(),
                workitem_events.c.occurred_at < at - LONGEST_WAIT,
            ),
        )
    )


def prune_events(connection: Connection, before: datetime, limit: int) -> int:
    """Forget the oldest that are from before `before`, whoever they wait for."""
    old = (
        select(workitem_events.c.number)
        .where(workitem_events.c.occurred_at < before)
        .order_by(workitem_events.c.number)
        .limit(limit)
    )
    numbers = connection.scalars(old).all()
    connection.execute(delete(workitem_events).where(workitem_events.c.number.in_(numbers)))
    return len(numbers)


def kept_event(row: Any) -> KeptEvent:
    event = WorkitemEvent(EventKind(row.kind), row.workitem_uid, row.data)
    return KeptEvent(row.number, event, row.occurred_at)


def conditions_of(stored: Sequence[Any]) -> tuple[KeyCondition, ...]:
    return tuple(KeyCondition(Key[each["key"]], _match(each)) for each in stored)


def _to_json(condition: KeyCondition) -> dict[str, Any]:
    match = condition.match
    said: list[str] = []
    if isinstance(match, AnyOf):
        said = list(match.values)
    elif isinstance(match, Like):
        said = [match.pattern]
    elif isinstance(match, Between):
        said = [match.first, match.last]
    return {"key": condition.key.name, "kind": type(match).__name__, "said": said}


def _match(stored: Any) -> Match:
    kind, said = _MATCHES[stored["kind"]], stored["said"]
    return AnyOf(tuple(said)) if kind is AnyOf else kind(*said)
