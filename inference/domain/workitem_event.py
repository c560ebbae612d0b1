"""What subscribers are told of a workitem (PS3.4 Table CC.2.4-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from inference.domain import workitem as ups
from inference.domain.workitem import DataSet, StepState, Workitem, element, items

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"  # stands for every workitem
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"  # for those that match

MOST_EVENTS: Final = 1000  # that wait for one subscriber; the oldest go
LONGEST_WAIT: Final = timedelta(days=7)

_REQUESTING_AE: Final = "00741236"
_SCP_STATUS: Final = "00741242"
_SUBSCRIPTION_LIST_STATUS: Final = "00741244"
_WORKLIST_STATUS: Final = "00741246"


class EventKind(IntEnum):
    """Event Type ID."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    SCP_STATUS_CHANGE = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class WorkitemEvent:
    """`data` is what the event says, without its kind and the UID of what it is about."""

    kind: EventKind
    workitem_uid: str
    data: DataSet


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event that waits for a subscriber. `number` grows, and is never used again."""

    number: int
    event: WorkitemEvent
    occurred_at: datetime


def reports(before: Workitem | None, after: Workitem) -> tuple[WorkitemEvent, ...]:
    """Return what is to be told when `before` has become `after`; None: it is new."""
    return tuple(_reports(before, after))


def _reports(before: Workitem | None, after: Workitem) -> Iterator[WorkitemEvent]:
    old: DataSet = before.data if before else {}
    if before is None or before.state is not after.state or _differs(old, after, ups.READINESS):
        yield state_report(after)
    if _differs(old, after, ups.PROGRESS_INFORMATION) and after.state is StepState.IN_PROGRESS:
        information = after.data[ups.PROGRESS_INFORMATION]
        yield _event(EventKind.PROGRESS_REPORT, after, {ups.PROGRESS_INFORMATION: information})
    assigned = {
        tag: after.data[tag] for tag in (ups.STATIONS, ups.HUMANS) if items(after.data, tag)
    }
    if assigned and any(_differs(old, after, tag) for tag in (ups.STATIONS, ups.HUMANS)):
        yield _event(EventKind.ASSIGNED, after, assigned)


def state_report(item: Workitem) -> WorkitemEvent:
    data = {
        ups.READINESS: item.data.get(ups.READINESS, element("CS")),
        ups.STATE: element("CS", item.state.value),
    }
    if item.state is StepState.CANCELED:
        for each in items(item.data, ups.PROGRESS_INFORMATION)[:1]:
            for tag in (ups.REASON_FOR_CANCELLATION, ups.DISCONTINUATION_REASON):
                if tag in each:
                    data[tag] = each[tag]
    return _event(EventKind.STATE_REPORT, item, data)


def cancel_report(item: Workitem, said: DataSet, requesting_ae: str) -> WorkitemEvent:
    """Return what its owner is told when somebody asks to cancel `item`."""
    passed = (
        ups.REASON_FOR_CANCELLATION,
        ups.DISCONTINUATION_REASON,
        ups.CONTACT_URI,
        ups.CONTACT_NAME,
    )
    data = {tag: said[tag] for tag in passed if tag in said}
    data[_REQUESTING_AE] = element("AE", requesting_ae)
    return _event(EventKind.CANCEL_REQUESTED, item, data)


def restarted() -> WorkitemEvent:
    """The node is back, and has kept subscriptions and workitems."""
    data = {
        _SCP_STATUS: element("CS", "RESTARTED"),
        _SUBSCRIPTION_LIST_STATUS: element("CS", "WARM START"),
        _WORKLIST_STATUS: element("CS", "WARM START"),
    }
    return WorkitemEvent(EventKind.SCP_STATUS_CHANGE, GLOBAL, data)


def _event(kind: EventKind, item: Workitem, data: DataSet) -> WorkitemEvent:
    return WorkitemEvent(kind, item.workitem_uid, dict(sorted(data.items())))


def _differs(old: DataSet, after: Workitem, tag: str) -> bool:
    return bool(after.data.get(tag)) and old.get(tag) != after.data[tag]
