"""`Listing` in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from inference.domain.catalog import Field
from inference.domain.delivery import Delivery
from inference.domain.job import Job
from inference.domain.listing import (
    DeliveryQuery,
    JobQuery,
    Listed,
    ResultQuery,
    ReviewQuery,
    StudyQuery,
)
from inference.domain.matching import date_key
from inference.domain.reading import Reading
from inference.domain.review import Review
from inference.fakes.reading import reading_of
from inference.fakes.store import MemoryStore

T = TypeVar("T")


class MemoryListing:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def studies(self, query: StudyQuery) -> Sequence[tuple[int, Reading]]:
        with self._store.transaction():
            found = [
                (self._number(each.study_instance_uid), reading_of(self._store, each))
                for each in self._store.studies.values()
            ]
            fitting = (each for each in found if self._fits(each[1], query))
            return _page(fitting, lambda each: each[0], query.before, query.limit)

    def results(self, query: ResultQuery) -> Sequence[Listed]:
        with self._store.transaction():
            found = (self.result(each) for each in self._store.results)
            fitting = (each for each in found if each is not None and _is_asked(each, query))
            return _page(fitting, lambda each: each.job.job_id, query.before, query.limit)

    def result(self, job_id: int) -> Listed | None:
        with self._store.transaction():
            result = self._store.results.get(job_id)
            if result is None or self._store.jobs[job_id].job.request.shadow:
                return None
            return Listed(
                self._store.studies[result.study_instance_uid],
                self._store.jobs[job_id].job,
                result,
                tuple(each for each in self._store.reviews if each.job_id == job_id),
            )

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        with self._store.transaction():
            found = (
                row.job
                for row in self._store.jobs.values()
                if query.study_instance_uid in ("", row.job.request.study_instance_uid)
                and query.state in (None, row.job.state)
                and query.model in ("", row.job.request.model and row.job.request.model.name)
                and query.shadow in (None, row.job.request.shadow)
            )
            return _page(found, lambda each: each.job_id, query.before, query.limit)

    def deliveries(self, query: DeliveryQuery) -> Sequence[Delivery]:
        with self._store.transaction():
            found = (
                each
                for each in self._store.deliveries.values()
                if query.delivery_id in (None, each.delivery_id)
                and query.job_id in (None, each.job_id)
                and query.destination in ("", each.destination)
                and query.state in (None, each.state)
            )
            return _page(found, lambda each: each.delivery_id, query.before, query.limit)

    def reviews(self, query: ReviewQuery) -> Sequence[Review]:
        with self._store.transaction():
            found = (
                each
                for each in self._store.reviews
                if query.study_instance_uid in ("", each.study_instance_uid)
                and query.job_id in (None, each.job_id)
                and query.verdict in (None, each.verdict)
            )
            return _page(found, lambda each: each.review_id, query.before, query.limit)

    def _number(self, uid: str) -> int:
        return min(
            row.number
            for row in self._store.catalog.values()
            if row.values[Field.STUDY_INSTANCE_UID] == uid
        )

    def _fits(self, reading: Reading, query: StudyQuery) -> bool:
        of = reading.study.attributes
        day = date_key(of.study_date)
        modalities = {
            row.values.get(Field.MODALITY)
            for row in self._store.catalog.values()
            if row.values[Field.STUDY_INSTANCE_UID] == reading.study.study_instance_uid
        }
        return (
            query.study_instance_uid in ("", reading.study.study_instance_uid)
            and query.state in (None, reading.study.state)
            and query.standing in (None, reading.standing)
            and (not query.modality or query.modality in modalities)
            and query.patient_id in ("", of.patient_id)
            and query.accession_number in ("", of.accession_number)
            and (not query.first_date or day >= query.first_date)
            and (not query.last_date or "" < day <= query.last_date)
        )


def _is_asked(listed: Listed, query: ResultQuery) -> bool:
    result = listed.result
    model = result.model
    day = date_key(listed.study.attributes.study_date)
    return (
        query.study_instance_uid in ("", result.study_instance_uid)
        and query.model in ("", model and model.name)
        and query.version in ("", model and model.version)
        and query.outcome in (None, result.outcome)
        and (query.presence is None or query.presence in {e.presence for e in result.findings})
        and query.reviewed in (None, bool(listed.reviews))
        and query.sop_instance_uid in ("", *(each.sop_instance_uid for each in result.objects))
        and query.patient_id in ("", listed.study.attributes.patient_id)
        and (query.first is None or result.produced_at >= query.first)
        and (query.last is None or result.produced_at <= query.last)
        and (not query.first_date or day >= query.first_date)
        and (not query.last_date or "" < day <= query.last_date)
    )


def _page(
    found: Iterable[T], number: Callable[[T], int], before: int | None, limit: int
) -> tuple[T, ...]:
    left = [each for each in found if before is None or number(each) < before]
    return tuple(sorted(left, key=number, reverse=True)[:limit])
