"""`Removals` in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from inference.domain.errors import RepositoryUnavailable
from inference.domain.event import Event, EventKind
from inference.domain.incident import IncidentKind
from inference.domain.instance import Instance
from inference.domain.retention import RetentionTerms, StudyUse, Weighed, claims
from inference.domain.study import Study
from inference.domain.workitem_search import WorkitemSearch
from inference.fakes.incidents import MemoryIncidents
from inference.fakes.store import MemoryStore, RemovedRow
from inference.ports.workitems import Workitems

_ALL = WorkitemSearch((), 1_000_000)


class MemoryRemovals:
    """`workitems` are those that may claim a Study."""

    def __init__(self, store: MemoryStore, workitems: Workitems) -> None:
        self._store = store
        self._workitems = workitems

    def due(self, before: datetime) -> Sequence[str]:
        with self._store.transaction():
            found = [
                each
                for each in self._store.studies.values()
                if each.instances and each.received_at <= before
            ]
            found.sort(key=lambda each: (each.received_at, each.study_instance_uid))
            return [each.study_instance_uid for each in found]

    def weigh(self, study_instance_uid: str, terms: RetentionTerms) -> Weighed | None:
        with self._store.transaction():
            study = self._store.studies.get(study_instance_uid)
            if study is None or not study.instances:
                return None
            return Weighed(
                study_instance_uid,
                study.received_at,
                study.instances,
                sum(each.size for each in self._instances(study_instance_uid)),
                claims(self._use(study), terms),
            )

    def remove(
        self, study_instance_uid: str, terms: RetentionTerms, at: datetime
    ) -> Weighed | None:
        with self._store.transaction():
            weighed = self.weigh(study_instance_uid, terms)
            if weighed is None or weighed.claims:
                return weighed
            gone = self._instances(study_instance_uid)
            for each in gone:
                before = self._store.removed.get(each.sop_instance_uid)
                if before is not None and before.key:
                    raise RepositoryUnavailable
            for each in gone:
                uid = each.sop_instance_uid
                before = self._store.removed.get(uid)
                times = before.times + 1 if before else 1
                self._store.removed[uid] = RemovedRow(study_instance_uid, times, False, each.key)
                del self._store.instances[uid]
                self._store.catalog[uid].removed = True
            study = self._store.studies[study_instance_uid]
            self._store.studies[study_instance_uid] = replace(
                study, instances=0, removed=study.removed + len(gone), removed_at=at
            )
            of_study = [
                each.incident_id
                for each in self._store.incidents
                if each.study_instance_uid == study_instance_uid
            ]
            MemoryIncidents(self._store).remove(of_study, at)
            told = Event(
                EventKind.IMAGES_REMOVED,
                study_instance_uid,
                revision=study.revision,
                detail=str(len(gone)),
            )
            self._store.tell(told, at)
            return weighed

    def unfinished(self, limit: int = 500) -> Sequence[str]:
        with self._store.transaction():
            images = sorted(each.key for each in self._store.removed.values() if each.key)
            return [*images, *sorted(set(self._store.going.values()))][:limit]

    def finish(self, keys: Sequence[str]) -> None:
        with self._store.transaction():
            for each in self._store.removed.values():
                if each.key in keys:
                    each.key = ""
            left = {number: key for number, key in self._store.going.items() if key not in keys}
            self._store.going = left

    def _instances(self, study_instance_uid: str) -> list[Instance]:
        return [
            each
            for each in self._store.instances.values()
            if each.study_instance_uid == study_instance_uid
        ]

    def _use(self, study: Study) -> StudyUse:
        uid = study.study_instance_uid
        jobs = [
            row.job
            for row in self._store.jobs.values()
            if row.job.request.study_instance_uid == uid
        ]
        numbers = {each.job_id for each in jobs}
        return StudyUse(
            state=study.state,
            received_at=study.received_at,
            jobs=frozenset(each.state for each in jobs),
            has_results=any(
                each.job_id in self._store.results for each in jobs if not each.request.shadow
            ),
            deliveries=frozenset(
                (each.destination, each.state)
                for each in self._store.deliveries.values()
                if each.job_id in numbers
            ),
            in_open_workitem=any(
                each.job_id in numbers or f'"{uid}"' in json.dumps(each.data)
                for each in self._workitems.search(_ALL)
                if not each.state.is_final
            ),
            in_conflict=any(
                each.kind is IncidentKind.CONFLICT
                and each.study_instance_uid == uid
                and each.resolution is None
                for each in self._store.incidents
            ),
            reviews=tuple(each for each in self._store.reviews if each.job_id in numbers),
        )
