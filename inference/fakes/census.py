"""`CensusTaker` in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from inference.domain.census import Census, Queued
from inference.domain.delivery import DeliveryState
from inference.domain.instance import Priority
from inference.domain.job import Job, JobState
from inference.fakes.incidents import waits_to_be_compared
from inference.fakes.store import MemoryStore


class MemoryCensusTaker:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def take(self) -> Census:
        with self._store.transaction():
            jobs = [row.job for row in self._store.jobs.values()]
            deliveries = list(self._store.deliveries.values())
            held = list(self._store.studies.values())
            aside = [each for each in self._store.incidents if each.resolution is None]
            said = [each.resolution for each in self._store.incidents if each.resolution]
        waits: dict[tuple[str, Priority], list[datetime]] = defaultdict(list)
        for each in jobs:
            if each.state is JobState.QUEUED:
                waits[_model(each), each.request.priority].append(each.enqueued_at)
        return Census(
            studies=Counter(each.state for each in held),
            jobs=Counter((each.state, _model(each)) for each in jobs if not each.request.shadow),
            queued=tuple(
                Queued(model, priority, len(enqueued), min(enqueued))
                for (model, priority), enqueued in sorted(waits.items())
            ),
            waiting=Counter(e.destination for e in deliveries if e.state is DeliveryState.PENDING),
            failed=Counter(e.destination for e in deliveries if e.state is DeliveryState.FAILED),
            instances=sum(each.instances for each in held),
            removed=sum(each.removed for each in held),
            incidents=Counter(each.kind for each in aside),
            to_compare=Counter(each.kind for each in aside if waits_to_be_compared(each)),
            resolved=Counter(each.decision for each in said),
        )


def _model(job: Job) -> str:
    return job.request.model.name if job.request.model else ""
