"""The desk at which others make workitems, claim them, and ask for a reading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference.domain import workitem as ups
from inference.domain.errors import (
    DuplicateWorkitem,
    InvalidWorkitem,
    UnknownWorkitem,
    WorkitemConflict,
)
from inference.domain.matching import AnyOf
from inference.domain.workitem import DataSet, StepState, Workitem, element, items
from inference.domain.workitem_attributes import new_data
from inference.domain.workitem_event import (
    FILTERED,
    GLOBAL,
    KeptEvent,
    WorkitemEvent,
    cancel_report,
    reports,
    state_report,
)
from inference.domain.workitem_job import WorklistCodes, inputs
from inference.domain.workitem_search import Key, KeyCondition, WorkitemSearch
from inference.domain.workitem_state import cancel_requested, changed_state, updated
from inference.intake.requested import Requested
from inference.ports import Archive, Clock, Index, JobQueue, Subscription, Workitems

_TRIES = 5  # to write over a workitem that others change as well
_MOST_SUBSCRIBERS = 200  # AE titles
_MOST_REPORTS = 1000  # to one that subscribes to all


class WorklistDesk:
    """`Worklist`. A workitem that asks this node for a reading becomes a Job by `requested`."""

    def __init__(
        self,
        *,
        workitems: Workitems,
        queue: JobQueue,
        index: Index,
        archive: Archive,
        requested: Requested,
        codes: WorklistCodes,
        clock: Clock,
    ) -> None:
        self._workitems = workitems
        self._queue = queue
        self._index = index
        self._archive = archive
        self._requested = requested
        self._codes = codes
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def create(self, workitem_uid: str, said: DataSet) -> tuple[Workitem, bool]:
        if workitem_uid in (GLOBAL, FILTERED):
            raise InvalidWorkitem(f"{workitem_uid} stands for all workitems")
        self._archive.check_space()
        now = self._clock.now()
        data, more = new_data(said, self._codes.station.value, now)
        self._requested.check(data)
        item = Workitem(workitem_uid, StepState.SCHEDULED, data, now, now)
        if not self._workitems.add(item, reports(None, item)):
            raise DuplicateWorkitem(f"there is a workitem {workitem_uid} already")
        self._requested.take_up(item)
        self.ring()
        return item, more

    def find(self, workitem_uid: str) -> Workitem:
        return self.complete(self._find(workitem_uid))

    def search(self, search: WorkitemSearch) -> Sequence[Workitem]:
        return self._workitems.search(search)

    def complete(self, item: Workitem) -> Workitem:
        # What the node's own workitem reads stands with its Job where it is long.
        if not item.own or item.job_id is None or items(item.data, ups.INPUTS):
            return item
        job = self._queue.job(item.job_id)
        if job is None:
            return item
        held = self._index.instances(job.request.study_instance_uid)
        read: Mapping[str, Any] = {
            ups.INPUTS: element("SQ", *inputs(job.request.instances, held, self._codes))
        }
        return replace(item, data={**item.data, **read})

    def update(self, workitem_uid: str, changes: DataSet, transaction_uid: str) -> None:
        def change(item: Workitem) -> tuple[Workitem, ...]:
            changed = updated(item, changes, transaction_uid, self._clock.now())
            if changed.state is StepState.SCHEDULED:
                self._requested.check(changed.data)
            return (changed,)

        item = self._change(workitem_uid, change)
        if item.state is StepState.SCHEDULED:
            self._requested.take_up(item)

    def change_state(self, workitem_uid: str, state: str, transaction_uid: str) -> bool:
        was_there = False

        def change(item: Workitem) -> tuple[Workitem, ...]:
            nonlocal was_there
            after = changed_state(
                item, state, transaction_uid, self._clock.now(), self._codes.unspecified
            )
            was_there = after is item
            return () if was_there else (after,)

        self._change(workitem_uid, change)
        return not was_there

    def request_cancel(self, workitem_uid: str, said: DataSet, requesting_ae: str) -> bool:
        def change(item: Workitem) -> tuple[Workitem, ...]:
            return cancel_requested(item, said, self._clock.now(), self._codes.unspecified)

        before = self._find(workitem_uid)
        item = self._change(workitem_uid, change)
        if item.state is StepState.IN_PROGRESS:
            self._workitems.announce(cancel_report(item, said, requesting_ae), self._clock.now())
            self.ring()
        return before.state is not StepState.CANCELED

    def subscribe(self, subscription: Subscription) -> None:
        ae_title, uid = subscription.ae_title, subscription.workitem_uid
        known = self._workitems.subscribers()
        if ae_title not in known and len(known) >= _MOST_SUBSCRIBERS:
            raise WorkitemConflict(f"there are {_MOST_SUBSCRIBERS} subscribers already")
        self._workitems.subscribe(
            ae_title,
            uid,
            locked=subscription.locked,
            conditions=subscription.conditions,
            events=self._first_reports(subscription),
            at=self._clock.now(),
        )
        self.ring()

    def _first_reports(self, subscription: Subscription) -> tuple[WorkitemEvent, ...]:
        """Return what a new subscriber is told at once (PS3.4 Section CC.2.3.3)."""
        if subscription.workitem_uid not in (GLOBAL, FILTERED):
            return (state_report(self._find(subscription.workitem_uid)),)
        if not subscription.locked:
            return ()
        is_open = KeyCondition(
            Key.STATE, AnyOf((StepState.SCHEDULED.value, StepState.IN_PROGRESS.value))
        )
        search = WorkitemSearch((*subscription.conditions, is_open), _MOST_REPORTS)
        return tuple(state_report(each) for each in self._workitems.search(search))

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> None:
        if self._workitems.unsubscribe(ae_title, workitem_uid):
            return
        # One that has ended took its subscriptions with it.
        if workitem_uid in (GLOBAL, FILTERED) or not self._find(workitem_uid).state.is_final:
            raise UnknownWorkitem(f"{ae_title} is not subscribed to {workitem_uid}")

    def suspend(self, ae_title: str, workitem_uid: str) -> None:
        if workitem_uid not in (GLOBAL, FILTERED):
            raise InvalidWorkitem("only a subscription to all workitems is suspended")
        if not self._workitems.suspend(ae_title, workitem_uid):
            raise UnknownWorkitem(f"{ae_title} is not subscribed to {workitem_uid}")

    def events(self, ae_title: str) -> Sequence[KeptEvent]:
        return self._workitems.events(ae_title)

    def forget(self, ae_title: str, numbers: Sequence[int]) -> None:
        self._workitems.forget(ae_title, numbers)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return leave

    def ring(self) -> None:
        """Say that there may be events. Never blocks."""
        with self._lock:
            listeners = tuple(self._listeners)
        for each in listeners:
            each()

    def _find(self, workitem_uid: str) -> Workitem:
        item = self._workitems.find(workitem_uid)
        if item is None:
            raise UnknownWorkitem(f"there is no workitem {workitem_uid}")
        return item

    def _change(
        self, workitem_uid: str, change: Callable[[Workitem], tuple[Workitem, ...]]
    ) -> Workitem:
        """Write what `change` makes of the workitem; anew where others were quicker."""
        for _ in range(_TRIES):
            item = self._find(workitem_uid)
            steps = change(item)
            if not steps:
                return item
            told = [
                event
                for before, after in zip((item, *steps), steps, strict=False)
                for event in reports(before, after)
            ]
            if self._workitems.replace(steps[-1], told):
                self.ring()
                return replace(steps[-1], version=item.version + 1)
        raise WorkitemConflict("others change the workitem at the same time; try again")
