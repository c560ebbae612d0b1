"""`Index` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inference.domain.accounting import Account
from inference.domain.delivery import DeliveryState
from inference.domain.errors import ConflictingInstance, RepositoryUnavailable
from inference.domain.event import Event, EventKind
from inference.domain.incident import Decision, Incident, IncidentKind
from inference.domain.instance import Instance, Receipt
from inference.domain.job import JobRequest, JobState
from inference.domain.study import Study, StudyState
from inference.fakes.incidents import MemoryIncidents
from inference.fakes.store import MemoryStore


class MemoryIndex:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def find(self, sop_instance_uid: str) -> Instance | None:
        with self._store.transaction():
            return self._store.instances.get(sop_instance_uid)

    def is_result(self, sop_instance_uid: str) -> bool:
        with self._store.transaction():
            made = [each for result in self._store.results.values() for each in result.objects]
            made += [each.report for each in self._store.reviews if each.report is not None]
            return any(each.sop_instance_uid == sop_instance_uid for each in made)

    def removals(self, sop_instance_uid: str) -> int:
        with self._store.transaction():
            row = self._store.removed.get(sop_instance_uid)
            return row.times if row else 0

    def retired(self, sop_instance_uid: str) -> bool:
        with self._store.transaction():
            row = self._store.removed.get(sop_instance_uid)
            if row is None or row.held:
                return False
            return self._store.studies[row.study_instance_uid].instances == 0

    def add(self, instance: Instance, at: datetime, quiet: timedelta, removals: int = 0) -> Receipt:
        with self._store.transaction():
            held = self._store.instances.get(instance.sop_instance_uid)
            if held is not None:
                if held.sha256 != instance.sha256:
                    raise ConflictingInstance()
                return Receipt.HELD_ALREADY
            self._receive_again(instance.sop_instance_uid, removals)
            before = self._store.studies.get(instance.study_instance_uid)
            priority = instance.origin.priority
            self._store.studies[instance.study_instance_uid] = Study(
                instance.study_instance_uid,
                StudyState.RECEIVING,
                revision=before.revision if before else 0,
                instances=before.instances + 1 if before else 1,
                priority=max(priority, before.priority) if before else priority,
                received_at=at,
                quiet_until=at + quiet,
                attributes=instance.attributes,
                removed=before.removed if before else 0,
                removed_at=before.removed_at if before else None,
            )
            self._store.instances[instance.sop_instance_uid] = instance
            self._store.catalogue(instance.description, instance.key)
            if before is None or before.state is StudyState.STABLE:
                revision = before.revision + 1 if before else 1
                uid = instance.study_instance_uid
                self._store.tell(Event(EventKind.STUDY_RECEIVED, uid, revision=revision), at)
            return Receipt.STORED

    def _receive_again(self, sop_instance_uid: str, removals: int) -> None:
        row = self._store.removed.get(sop_instance_uid)
        if row is None:
            return
        if row.times != removals:
            raise RepositoryUnavailable
        if not row.held:
            row.held = True
            study = self._store.studies[row.study_instance_uid]
            self._store.studies[row.study_instance_uid] = replace(study, removed=study.removed - 1)

    def incident_removals(self, sha256: str) -> int:
        return MemoryIncidents(self._store).removals(sha256)

    def add_incident(self, incident: Incident, at: datetime, removals: int = 0) -> None:
        MemoryIncidents(self._store).add(incident, at, removals)

    def holds_same(self, sop_instance_uid: str, sha256: str) -> bool:
        with self._store.transaction():
            held = self._store.instances.get(sop_instance_uid)
            return held is not None and any(
                each.resolution is not None
                and each.resolution.decision is Decision.SAME
                and each.sop_instance_uid == sop_instance_uid
                and (each.sha256, each.against) == (sha256, held.sha256)
                for each in self._store.incidents
            )

    def study(self, study_instance_uid: str) -> Study | None:
        with self._store.transaction():
            return self._store.studies.get(study_instance_uid)

    def studies(self, limit: int = 100, offset: int = 0) -> Sequence[Study]:
        with self._store.transaction():
            found = sorted(self._store.studies.values(), key=lambda each: each.study_instance_uid)
            found.sort(key=lambda each: each.received_at, reverse=True)
            return tuple(found[offset : offset + limit])

    def instances(self, study_instance_uid: str) -> Sequence[Instance]:
        with self._store.transaction():
            found = [
                each
                for each in self._store.instances.values()
                if each.study_instance_uid == study_instance_uid
            ]
            return tuple(sorted(found, key=_order))

    def receiving(self) -> Sequence[Study]:
        with self._store.transaction():
            found = [
                each for each in self._store.studies.values() if each.state is StudyState.RECEIVING
            ]
            found.sort(key=lambda each: (each.quiet_until, each.study_instance_uid))
            return tuple(found)

    def complete(self, study_instance_uid: str, at: datetime) -> bool:
        with self._store.transaction():
            study = self._store.studies.get(study_instance_uid)
            if study is None or study.state is not StudyState.RECEIVING:
                return False
            self._store.studies[study_instance_uid] = replace(study, quiet_until=at)
            return True

    def close_revision(self, study: Study, requests: Sequence[JobRequest], at: datetime) -> bool:
        with self._store.transaction():
            now = self._store.studies.get(study.study_instance_uid)
            if now is None or replace(now, quiet_until=study.quiet_until) != replace(
                study, state=StudyState.RECEIVING
            ):
                return False
            self._store.studies[study.study_instance_uid] = replace(
                now, state=StudyState.STABLE, revision=study.revision + 1
            )
            self._store.revisions += 1
            for request in requests:
                self._store.add_job(request, at)
            told = Event(
                EventKind.STUDY_STABLE, study.study_instance_uid, revision=study.revision + 1
            )
            self._store.tell(told, at)
            return True

    def account(self) -> Account:
        with self._store.transaction():
            studies = [each.state for each in self._store.studies.values()]
            rows = self._store.jobs.values()
            jobs = [row.job.state for row in rows if not row.job.request.shadow]
            shadows = {row.job.job_id: row.job.state for row in rows if row.job.request.shadow}
            states = list(shadows.values())
            deliveries = [each.state for each in self._store.deliveries.values()]
            incidents = self._store.incidents
            aside = [each.kind for each in incidents if each.resolution is None]
            said = [each.resolution.decision for each in incidents if each.resolution]
            return Account(
                studies_received=len(studies),
                studies_receiving=studies.count(StudyState.RECEIVING),
                studies_stable=studies.count(StudyState.STABLE),
                revisions=self._store.revisions,
                instances=len(self._store.instances),
                removed=sum(not each.held for each in self._store.removed.values()),
                instances_by_study=sum(each.instances for each in self._store.studies.values()),
                removed_by_study=sum(each.removed for each in self._store.studies.values()),
                jobs=len(jobs),
                jobs_queued=jobs.count(JobState.QUEUED),
                jobs_running=jobs.count(JobState.RUNNING),
                jobs_done=jobs.count(JobState.DONE),
                jobs_refused=jobs.count(JobState.REFUSED),
                jobs_failed=jobs.count(JobState.FAILED),
                results=sum(each not in shadows for each in self._store.results),
                shadow_jobs=len(states),
                shadow_queued=states.count(JobState.QUEUED),
                shadow_running=states.count(JobState.RUNNING),
                shadow_done=states.count(JobState.DONE),
                shadow_refused=states.count(JobState.REFUSED),
                shadow_failed=states.count(JobState.FAILED),
                shadow_results=sum(each in shadows for each in self._store.results),
                shadow_deliveries=sum(
                    each.job_id in shadows for each in self._store.deliveries.values()
                ),
                deliveries=len(deliveries),
                deliveries_pending=deliveries.count(DeliveryState.PENDING),
                deliveries_delivered=deliveries.count(DeliveryState.DELIVERED),
                deliveries_failed=deliveries.count(DeliveryState.FAILED),
                incidents=len(incidents),
                conflicts=aside.count(IncidentKind.CONFLICT),
                unreadable=aside.count(IncidentKind.UNREADABLE),
                incidents_resolved=len(incidents) - len(aside),
                incidents_same=said.count(Decision.SAME),
                incidents_removed=sum(not each.key for each in incidents),
            )


def _order(instance: Instance) -> tuple[bool, int, str, bool, int, str]:
    series, number = instance.attributes.series_number, instance.attributes.instance_number
    return (
        series is None,
        series or 0,
        instance.series_instance_uid,
        number is None,
        number or 0,
        instance.sop_instance_uid,
    )
