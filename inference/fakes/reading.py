"""`ReadingList` in memory."""

from __future__ import annotations

from inference.domain.catalog import Field
from inference.domain.job import Job
from inference.domain.matching import date_key, folded
from inference.domain.reading import (
    DERIVED_MODALITIES,
    Order,
    Reading,
    ReadingChoices,
    ReadingPage,
    ReadingQuery,
    Standing,
    certainty_of,
    counting,
    standing_of,
)
from inference.domain.study import Study
from inference.fakes.store import MemoryStore

_FIRST = (Standing.PRESENT, Standing.UNDETERMINED)


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
        return ReadingChoices(
            tuple(sorted(modalities - {"", *DERIVED_MODALITIES})), tuple(sorted(models))
        )

    def _fits(self, reading: Reading, query: ReadingQuery) -> bool:
        of = reading.study.attributes
        day = date_key(of.study_date)
        return (
            _is_about(reading.study, query)
            and (not query.modality or query.modality in self._modalities(reading))
            and (not query.model or any(_is_of(job, query.model) for job in reading.jobs))
            and query.standing in (None, reading.standing)
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


def _urgency(reading: Reading) -> tuple[int, float]:
    rank = _FIRST.index(reading.standing) if reading.standing in _FIRST else len(_FIRST)
    certainty = certainty_of([result for _, result in reading.results])
    return rank, -certainty if rank == 0 else 0.0


def _is_of(job: Job, name: str) -> bool:
    return job.request.model is not None and job.request.model.name == name
