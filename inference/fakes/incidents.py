"""`Incidents` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from inference.domain.errors import RepositoryUnavailable
from inference.domain.event import Event, EventKind
from inference.domain.incident import (
    Comparison,
    Decision,
    Incident,
    IncidentKind,
    IncidentQuery,
    Resolution,
)
from inference.fakes.store import MemoryStore


class MemoryIncidents:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def incidents(self, query: IncidentQuery) -> Sequence[Incident]:
        with self._store.transaction():
            found = [
                each
                for each in reversed(self._store.incidents)
                if query.state in (None, each.state)
                and query.kind in (None, each.kind)
                and query.study_instance_uid in ("", each.study_instance_uid)
                and (query.before is None or each.incident_id < query.before)
                and (not query.decisions or _decision(each) in query.decisions)
            ]
            return tuple(found[: query.limit])

    def incident(self, incident_id: int) -> Incident | None:
        with self._store.transaction():
            return next(
                (each for each in self._store.incidents if each.incident_id == incident_id), None
            )

    def resolve(self, incident_id: int, resolution: Resolution) -> bool:
        with self._store.transaction():
            held = self.incident(incident_id)
            if held is None or held.resolution is not None:
                return False
            same = resolution.decision is Decision.SAME
            compared = Comparison.SAME if same else held.compared
            self._put(replace(held, resolution=resolution, compared=compared))
            told = Event(
                EventKind.INCIDENT_CLOSED,
                held.study_instance_uid,
                incident_id=incident_id,
                detail=resolution.decision.value,
            )
            self._store.tell(told, resolution.at)
            return True

    def to_compare(self, limit: int = 100) -> Sequence[Incident]:
        with self._store.transaction():
            return [each for each in self._store.incidents if waits_to_be_compared(each)][:limit]

    def begin(self, incident_id: int) -> bool:
        with self._store.transaction():
            held = self.incident(incident_id)
            if held is None or not waits_to_be_compared(held):
                return False
            self._put(replace(held, compared=Comparison.BEGUN))
            return True

    def compared(self, incident_id: int, comparison: Comparison) -> None:
        with self._store.transaction():
            held = self.incident(incident_id)
            if held is not None and held.resolution is None:
                self._put(replace(held, compared=comparison))

    def compare_again(self) -> None:
        following = {Comparison.FAILED: None, Comparison.BEGUN: Comparison.FAILED}
        with self._store.transaction():
            for each in self._store.incidents:
                if each.resolution is None and each.compared in following:
                    self._put(replace(each, compared=following[each.compared]))

    def settled(self, before: datetime) -> Sequence[int]:
        with self._store.transaction():
            held = {uid for uid, study in self._store.studies.items() if study.instances}
            return [
                each.incident_id
                for each in self._store.incidents
                if each.resolution is not None
                and each.resolution.at < before
                and each.key
                and each.study_instance_uid not in held
            ]

    def remove(self, incident_ids: Sequence[int], at: datetime) -> int:
        with self._store.transaction():
            incidents = self._store.incidents
            needed = {each.key for each in incidents if each.resolution is None}
            wanted = {
                each.key
                for each in incidents
                if each.incident_id in incident_ids and each.resolution is not None and each.key
            }
            going = [each for each in incidents if each.key in wanted - needed]
            if any(each.incident_id in self._store.going for each in going):
                raise RepositoryUnavailable
            for each in going:
                number = each.incident_id
                self._store.going[number] = each.key
                self._store.incident_removals[number] = (
                    self._store.incident_removals.get(number, 0) + 1
                )
                self._put(replace(each, key="", removed_at=at))
            return len(going)

    def removals(self, sha256: str) -> int:
        with self._store.transaction():
            same = [each for each in self._store.incidents if sha256 and each.sha256 == sha256]
            return sum(self._store.incident_removals.get(each.incident_id, 0) for each in same)

    def add(self, incident: Incident, at: datetime, removals: int) -> None:
        with self._store.transaction():
            if self.removals(incident.sha256) != removals:
                raise RepositoryUnavailable
            for each in reversed(self._store.incidents):
                if each.kind is incident.kind and _same(each, incident):
                    again = replace(each, times=each.times + 1, last_at=at)
                    if not each.key:
                        again = replace(again, key=incident.key, removed_at=None)
                    self._put(again)
                    return
            number = len(self._store.incidents) + 1
            self._store.incidents.append(
                replace(incident, incident_id=number, occurred_at=at, last_at=at)
            )
            told = Event(
                EventKind.INCIDENT_OPENED,
                incident.study_instance_uid,
                incident_id=number,
                detail=incident.kind.value,
            )
            self._store.tell(told, at)

    def _put(self, incident: Incident) -> None:
        self._store.incidents[incident.incident_id - 1] = incident


def waits_to_be_compared(incident: Incident) -> bool:
    return bool(
        incident.kind is IncidentKind.CONFLICT
        and incident.resolution is None
        and incident.compared is None
        and incident.sha256
        and incident.against
    )


def _decision(incident: Incident) -> Decision | None:
    return incident.resolution.decision if incident.resolution else None


def _same(one: Incident, other: Incident) -> bool:
    if not other.sha256:
        return one.key == other.key
    return (one.sha256, one.against) == (other.sha256, other.against)
