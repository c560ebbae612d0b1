"""`ReadingList` in memory."""

from __future__ import annotations

from inference.domain.catalog import Field
from inference.domain.delivery import DeliveryState
from inference.domain.job import Job, JobState
from inference.domain.matching import date_key, folded
from inference.domain.reading import (
    DERIVED_MODALITIES,
    PRESENCES,
    Order,
    Reading,
    ReadingChoices,
    ReadingLoad,
    ReadingPage,
    ReadingQuery,
    counting,
    standing_of,
    turn_of,
)
from inference.domain.study import Study
from inference.fakes.store import MemoryStore


class MemoryReadingList:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def read(self, query: ReadingQuery) -> ReadingPage:
        with self._store.transaction():
            found = [reading_of(self._store, each) for each in self._store.studies.values()]
            found = [each for each in found if self._fits(each, query)]
        found.sort(key=lambda each: each.study.study_instance_uid)
        newest = query.order is Order.NEWEST
        found.sort(key=lambda each: each.study.received_at, reverse=newest)
        if not newest:
            found.sort(key=_urgency)
        page = found[query.offset : query.offset + query.limit]
        return ReadingPage(tuple(page), len(found))

    def choices(self) -> ReadingChoices:
        with self._store.transaction():
            rows = self._store.catalog.values()
            modalities = {str(row.values.get(Field.MODALITY, "")) for row in rows}
            models = {
                job.request.model.name
                for job in (row.job for row in self._store.jobs.values())
                if job.request.model and not job.request.shadow
            }
            parts = {each.attributes.body_part for each in self._store.studies.values()}
            readings = [reading_of(self._store, each) for each in self._store.studies.values()]
            named = {name for each in readings for name, _ in _findings(each)}
        return ReadingChoices(
            tuple(sorted(modalities - {"", *DERIVED_MODALITIES})),
            tuple(sorted(models)),
            tuple(sorted(parts - {""})),
            tuple(sorted(named)),
        )

    def load(self) -> ReadingLoad:
        with self._store.transaction():
            jobs = [row.job for row in self._store.jobs.values()]
            sent = list(self._store.deliveries.values())
            return ReadingLoad(
                len(self._store.studies),
                sum(
                    each.state in (JobState.QUEUED, JobState.RUNNING) and not each.request.shadow
                    for each in jobs
                ),
                sum(each.state is DeliveryState.PENDING for each in sent),
            )

    def _fits(self, reading: Reading, query: ReadingQuery) -> bool:
        of = reading.study.attributes
        day = date_key(of.study_date)
        return (
            _is_about(reading.study, query)
            and (not query.modality or query.modality in self._modalities(reading))
            and (not query.model or any(_is_of(job, query.model) for job in reading.jobs))
            and query.patient_id in ("", of.patient_id)
            and query.body_part in ("", of.body_part)
            and _has(reading, query)
            and query.reviewed in (None, bool(reading.reviews))
            and (not query.first_date or day >= query.first_date)
            and (not query.last_date or "" < day <= query.last_date)
        )

    def _modalities(self, reading: Reading) -> set[str]:
        uid = reading.study.study_instance_uid
        return {
            str(row.values.get(Field.MODALITY, ""))
            for row in self._store.catalog.values()
            if row.values[Field.STUDY_INSTANCE_UID] == uid
        }


def reading_of(store: MemoryStore, study: Study) -> Reading:
    """Return what is known of a Study."""
    uid = study.study_instance_uid
    jobs = [
        row.job
        for row in store.jobs.values()
        if row.job.request.study_instance_uid == uid and not row.job.request.shadow
    ]
    results = [(each, store.results.get(each.job_id)) for each in jobs]
    counted = counting([(job, result) for job, result in results if result is not None])
    numbers = {job.job_id for job, _ in counted}
    newest = max((each.request.revision for each in jobs), default=0)
    return Reading(
        study,
        standing_of([result for _, result in counted]),
        tuple(each for each in jobs if each.request.revision == newest),
        counted,
        tuple(each for each in store.reviews if each.job_id in numbers),
    )


def _is_about(study: Study, query: ReadingQuery) -> bool:
    if not query.words:
        return True
    of = study.attributes
    typed = query.text.strip().casefold()
    return all(each in folded(of.patient_name) for each in query.words) or any(
        typed in each.casefold() for each in (of.patient_id, of.accession_number)
    )


def _urgency(reading: Reading) -> float:
    return turn_of([result for _, result in reading.results])


def _is_of(job: Job, name: str) -> bool:
    return job.request.model is not None and job.request.model.name == name


def _findings(reading: Reading) -> set[tuple[str, str]]:
    return {
        (each.finding.meaning, each.presence.value)
        for _, result in reading.results
        for each in result.findings
    }


def _has(reading: Reading, query: ReadingQuery) -> bool:
    found = {(name, what) for name, what in _findings(reading) if name == query.finding}
    if query.finding and query.standing in PRESENCES:
        return (query.finding, PRESENCES[query.standing].value) in found
    return query.standing in (None, reading.standing) and (not query.finding or bool(found))
