"""`Workitems` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from inference.domain.job import Job, JobRequest, JobState
from inference.domain.workitem import READINESS, StepState, Workitem, text
from inference.domain.workitem_event import (
    FILTERED,
    GLOBAL,
    LONGEST_WAIT,
    MOST_EVENTS,
    KeptEvent,
    WorkitemEvent,
)
from inference.domain.workitem_search import KeyCondition, WorkitemSearch, matches
from inference.fakes.store import MemoryStore

_AT_WORK = (JobState.QUEUED, JobState.RUNNING)


class MemoryWorkitems:
    """Subscriptions are by AE title and UID, with their lock and conditions."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._items: dict[str, Workitem] = {}
        self._subscriptions: dict[tuple[str, str], tuple[bool, tuple[KeyCondition, ...]]] = {}
        self._events: dict[str, list[KeptEvent]] = {}
        self._last_event = 0

    def add(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        with self._store.transaction():
            if item.workitem_uid in self._items:
                return False
            self._items[item.workitem_uid] = replace(item, version=0)
            for (ae_title, uid), (locked, conditions) in list(self._subscriptions.items()):
                if uid == GLOBAL or (uid == FILTERED and matches(item, conditions)):
                    self._subscriptions[ae_title, item.workitem_uid] = locked, ()
            self._tell(events, item.modified_at)
            return True

    def replace(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        with self._store.transaction():
            if not self._put(item):
                return False
            self._tell(events, item.modified_at)
            if item.state.is_final:
                self._subscriptions = {
                    key: said
                    for key, said in self._subscriptions.items()
                    if key[1] != item.workitem_uid or said[0]
                }
            return True

    def _put(self, item: Workitem) -> bool:
        held = self._items.get(item.workitem_uid)
        if held is None or held.version != item.version:
            return False
        self._items[item.workitem_uid] = replace(
            item, version=item.version + 1, created_at=held.created_at
        )
        return True

    def perform(self, item: Workitem, request: JobRequest, at: datetime) -> bool:
        with self._store.transaction():
            held = self._items.get(item.workitem_uid)
            if held is None or held.version != item.version:
                return False
            study = self._store.studies.get(request.study_instance_uid)
            if study is None or not study.instances:  # retention took them away
                return False
            self._store.add_job(request, at)
            name = request.model and request.model.name
            job_id = next(
                row.job.job_id
                for row in self._store.jobs.values()
                if row.job.request.study_instance_uid == request.study_instance_uid
                and row.job.request.revision == request.revision
                and (row.job.request.model and row.job.request.model.name) == name
                and row.job.request.shadow == request.shadow
            )
            return self._put(replace(held, job_id=job_id))

    def find(self, workitem_uid: str) -> Workitem | None:
        with self._store.transaction():
            return self._items.get(workitem_uid)

    def search(self, search: WorkitemSearch) -> Sequence[Workitem]:
        with self._store.transaction():
            found = [each for each in self._items.values() if matches(each, search.conditions)]
            return tuple(found[search.offset : search.offset + search.limit])

    def waiting(self, limit: int = 100, after: str = "") -> Sequence[Workitem]:
        with self._store.transaction():
            found = [
                self._items[uid]
                for uid in sorted(self._items)
                if uid > after
                and self._items[uid].state is StepState.SCHEDULED
                and self._items[uid].job_id is None
                and text(self._items[uid].data, READINESS) == "READY"
            ]
            return tuple(found[:limit])

    def performed(self) -> Sequence[tuple[Workitem, Job]]:
        with self._store.transaction():
            return tuple(
                (each, self._store.jobs[each.job_id].job)
                for each in self._items.values()
                if each.job_id is not None
                and (
                    each.state is StepState.IN_PROGRESS
                    or (each.state is StepState.SCHEDULED and self._has_begun(each.job_id))
                )
            )

    def _has_begun(self, job_id: int) -> bool:
        job = self._store.jobs[job_id].job
        return job.state is not JobState.QUEUED or job.attempts > 0

    def unlisted(self, after: int, limit: int = 100) -> Sequence[Job]:
        with self._store.transaction():
            listed = {each.job_id for each in self._items.values()}
            at_hand = {each.job_id for each in self._items.values() if not each.state.is_final}
            found = [
                row.job
                for number, row in sorted(self._store.jobs.items())
                if not row.job.request.shadow
                and (
                    (number > after and number not in listed)
                    or (row.job.state in _AT_WORK and number not in at_hand)
                )
            ]
            return tuple(found[:limit])

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
        with self._store.transaction():
            self._subscriptions[ae_title, workitem_uid] = locked, tuple(conditions)
            if workitem_uid in (GLOBAL, FILTERED):
                for uid, item in self._items.items():
                    if not item.state.is_final and matches(item, tuple(conditions)):
                        self._subscriptions[ae_title, uid] = locked, ()
            for event in events:
                self._put_event(ae_title, event, at)

    def unsubscribe(self, ae_title: str, workitem_uid: str) -> bool:
        with self._store.transaction():
            everything = workitem_uid in (GLOBAL, FILTERED)
            ended = [
                key
                for key in self._subscriptions
                if key[0] == ae_title and (everything or key[1] == workitem_uid)
            ]
            for key in ended:
                del self._subscriptions[key]
            return bool(ended)

    def suspend(self, ae_title: str, workitem_uid: str) -> bool:
        with self._store.transaction():
            return self._subscriptions.pop((ae_title, workitem_uid), None) is not None

    def subscribers(self) -> Sequence[str]:
        with self._store.transaction():
            return sorted({ae_title for ae_title, _ in self._subscriptions})

    def announce(self, event: WorkitemEvent, at: datetime) -> None:
        with self._store.transaction():
            self._tell((event,), at)

    def events(self, ae_title: str, limit: int = 100) -> Sequence[KeptEvent]:
        with self._store.transaction():
            return tuple(self._events.get(ae_title, ())[:limit])

    def forget(self, ae_title: str, numbers: Sequence[int]) -> None:
        with self._store.transaction():
            kept = self._events.get(ae_title, [])
            self._events[ae_title] = [each for each in kept if each.number not in numbers]

    def prune_events(self, before: datetime, limit: int = 1000) -> int:
        with self._store.transaction():
            kept = [each for events in self._events.values() for each in events]
            old = sorted(each.number for each in kept if each.occurred_at < before)[:limit]
            for ae_title, events in self._events.items():
                self._events[ae_title] = [each for each in events if each.number not in old]
            return len(old)

    def _tell(self, events: Sequence[WorkitemEvent], at: datetime) -> None:
        for event in events:
            about = {event.workitem_uid}
            if event.workitem_uid == GLOBAL:
                about.add(FILTERED)
            for ae_title in sorted({ae for ae, uid in self._subscriptions if uid in about}):
                self._put_event(ae_title, event, at)

    def _put_event(self, ae_title: str, event: WorkitemEvent, at: datetime) -> None:
        self._last_event += 1
        kept = [*self._events.get(ae_title, []), KeptEvent(self._last_event, event, at)]
        self._events[ae_title] = [
            each for each in kept[-MOST_EVENTS:] if each.occurred_at >= at - LONGEST_WAIT
        ]
