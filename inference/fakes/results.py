"""`Results` in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from inference.domain.event import EventKind, event_of
from inference.domain.instance import Attributes, Description
from inference.domain.job import Job, JobRequest, JobState, Lease, ModelId
from inference.domain.result import Outcome, Result, ResultObject, Role
from inference.fakes.store import MemoryStore


class MemoryResults:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def record(
        self,
        lease: Lease,
        result: Result,
        destinations: Sequence[str],
        descriptions: Mapping[str, Description] | None = None,
    ) -> None:
        if lease.job.request.shadow and (destinations or result.objects):
            raise ValueError("a result in shadow is not delivered")
        with self._store.transaction():
            row = self._store.held(lease)
            state, error = JobState.DONE, ""
            if result.failed:
                state = JobState.FAILED
                error = result.refusals[0].detail if result.refusals else row.job.error
            elif result.outcome is Outcome.NOT_ASSESSED:
                state = JobState.REFUSED
            row.job = replace(row.job, state=state, finished_at=result.produced_at, error=error)
            row.worker = ""
            self._store.results[row.job.job_id] = result
            for each in result.objects:
                known = (descriptions or {}).get(each.sop_instance_uid)
                self._store.catalogue(known or by_role(each), each.key, described=known is not None)
            self._store.deliver(row.job.job_id, result.objects, destinations, result.produced_at)
            kind = EventKind.JOB_FAILED if result.failed else EventKind.JOB_FINISHED
            self._store.tell(event_of(row.job, kind), result.produced_at)

    def of_study(
        self, study_instance_uid: str, *, shadow: bool = False
    ) -> Sequence[tuple[Job, Result]]:
        with self._store.transaction():
            found = [
                (self._store.jobs[job_id].job, result)
                for job_id, result in reversed(self._store.results.items())
                if result.study_instance_uid == study_instance_uid
                and self._store.jobs[job_id].job.request.shadow == shadow
            ]
            return tuple(sorted(found, key=lambda each: -each[1].revision))

    def of_job(self, job_id: int) -> Result | None:
        with self._store.transaction():
            return self._store.results.get(job_id)

    def predecessor(
        self, study_instance_uid: str, model: ModelId | None, revision: int
    ) -> Result | None:
        name = model and model.name
        for _, result in self.of_study(study_instance_uid):
            if result.revision < revision and (result.model and result.model.name) == name:
                return result
        return None

    def beside(self, shadow: ModelId, limit: int = 10_000) -> Sequence[tuple[Result, Result]]:
        with self._store.transaction():
            jobs = [row.job for row in self._store.jobs.values() if row.job.job_id in self._results]
            shown = {_key(each.request): each for each in jobs if not each.request.shadow}
            pairs = [
                (self._results[shown[_key(each.request)].job_id], self._results[each.job_id])
                for each in reversed(jobs)
                if each.request.shadow
                and each.request.model == shadow
                and _key(each.request) in shown
            ]
            return tuple(pairs[:limit])

    @property
    def _results(self) -> dict[int, Result]:
        return self._store.results


def by_role(each: ResultObject) -> Description:
    return Description(
        each.study_instance_uid,
        each.series_instance_uid,
        each.sop_instance_uid,
        each.sop_class_uid,
        "",
        Attributes(modality="SR" if each.role in (Role.REPORT, Role.REVIEW) else "OT"),
    )


def _key(request: JobRequest) -> tuple[str, int, str]:
    name = request.model.name if request.model else ""
    return request.study_instance_uid, request.revision, name
