"""Lists out of the database, by keys and never by counting from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, cast, exists, select

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
from inference.domain.reading import Reading
from inference.domain.review import Review
from inference.persistence.catalog_tables import catalog_studies
from inference.persistence.engine import Database
from inference.persistence.outbox import delivery_of
from inference.persistence.queue import job_of
from inference.persistence.reading import has_modality, readings_of
from inference.persistence.results import result_of
from inference.persistence.reviews import review_of
from inference.persistence.rows import study_of
from inference.persistence.tables import (
    deliveries,
    jobs,
    result_objects,
    results,
    reviews,
    studies,
)


class SqlListing:
    """`Listing`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def studies(self, query: StudyQuery) -> Sequence[tuple[int, Reading]]:
        number, uid = catalog_studies.c.number, studies.c.study_instance_uid
        same = catalog_studies.c.study_instance_uid == uid
        found = _asked(
            select(number, uid).select_from(studies.join(catalog_studies, same)),
            (studies.c.standing, query.standing),
            (uid, query.study_instance_uid),
            (studies.c.state, query.state),
            (catalog_studies.c.patient_id, query.patient_id),
            (catalog_studies.c.accession_number, query.accession_number),
        )
        if query.modality:
            found = found.where(has_modality(query.modality))
        if query.first_date:
            found = found.where(catalog_studies.c.study_date_key >= query.first_date)
        if query.last_date:
            found = found.where(
                catalog_studies.c.study_date_key != "",
                catalog_studies.c.study_date_key <= query.last_date,
            )
        with self._database.reading() as connection:
            rows = connection.execute(_page(found, number, query.before, query.limit)).all()
            readings = readings_of(connection, [row.study_instance_uid for row in rows])
            return tuple((row.number, each) for row, each in zip(rows, readings, strict=True))

    def results(self, query: ResultQuery) -> Sequence[Listed]:
        found = _asked(
            _SHOWN,
            (results.c.study_instance_uid, query.study_instance_uid),
            (results.c.model_name, query.model),
            (results.c.model_version, query.version),
            (results.c.outcome, query.outcome),
        )
        if query.presence is not None:
            # As the codec writes it; quotation marks inside of a text are escaped.
            words = f'"presence": "{query.presence.value}"'
            found = found.where(cast(results.c.findings, Text).contains(words, autoescape=True))
        if query.reviewed is not None:
            is_reviewed = exists().where(reviews.c.job_id == results.c.job_id)
            found = found.where(is_reviewed if query.reviewed else ~is_reviewed)
        if query.sop_instance_uid:
            named = select(result_objects.c.result_id).where(
                result_objects.c.sop_instance_uid == query.sop_instance_uid
            )
            found = found.where(results.c.result_id.in_(named))
        day = catalog_studies.c.study_date_key
        narrows = [
            condition
            for asked, condition in (
                (query.patient_id, catalog_studies.c.patient_id == query.patient_id),
                (query.first_date, day >= query.first_date),
                (query.last_date, and_(day != "", day <= query.last_date)),
            )
            if asked
        ]
        if narrows:
            own = select(catalog_studies.c.study_instance_uid).where(*narrows)
            found = found.where(results.c.study_instance_uid.in_(own))
        if query.first is not None:
            found = found.where(results.c.produced_at >= query.first)
        if query.last is not None:
            found = found.where(results.c.produced_at <= query.last)
        with self._database.reading() as connection:
            page = _page(found, results.c.job_id, query.before, query.limit)
            return tuple(_listed(connection, row) for row in connection.execute(page).all())

    def result(self, job_id: int) -> Listed | None:
        found = _SHOWN.where(results.c.job_id == job_id)
        with self._database.reading() as connection:
            row = connection.execute(found).one_or_none()
            return None if row is None else _listed(connection, row)

    def jobs(self, query: JobQuery) -> Sequence[Job]:
        found = _asked(
            select(jobs),
            (jobs.c.study_instance_uid, query.study_instance_uid),
            (jobs.c.state, query.state),
            (jobs.c.model_name, query.model),
        )
        if query.shadow is not None:
            found = found.where(jobs.c.shadow == query.shadow)
        with self._database.reading() as connection:
            page = _page(found, jobs.c.job_id, query.before, query.limit)
            return tuple(job_of(row) for row in connection.execute(page))

    def deliveries(self, query: DeliveryQuery) -> Sequence[Delivery]:
        found = _asked(
            select(deliveries),
            (deliveries.c.delivery_id, query.delivery_id),
            (deliveries.c.job_id, query.job_id),
            (deliveries.c.destination, query.destination),
            (deliveries.c.state, query.state),
        )
        with self._database.reading() as connection:
            page = _page(found, deliveries.c.delivery_id, query.before, query.limit)
            return tuple(delivery_of(row) for row in connection.execute(page))

    def reviews(self, query: ReviewQuery) -> Sequence[Review]:
        found = _asked(
            select(reviews),
            (reviews.c.study_instance_uid, query.study_instance_uid),
            (reviews.c.job_id, query.job_id),
            (reviews.c.verdict, query.verdict),
        )
        with self._database.reading() as connection:
            page = _page(found, reviews.c.review_id, query.before, query.limit)
            return tuple(review_of(row) for row in connection.execute(page))


_SHOWN = select(results).join(jobs, jobs.c.job_id == results.c.job_id).where(~jobs.c.shadow)


def _asked(found: Select[Any], *said: tuple[ColumnElement[Any], object]) -> Select[Any]:
    """Narrow to what equals all that was said; nothing was said by "" or None."""
    return found.where(*(column == value for column, value in said if value))


def _page(
    found: Select[Any], number: ColumnElement[int], before: int | None, limit: int
) -> Select[Any]:
    if before is not None:
        found = found.where(number < before)
    return found.order_by(number.desc()).limit(limit)


def _listed(connection: Connection, row: Any) -> Listed:
    study = select(studies).where(studies.c.study_instance_uid == row.study_instance_uid)
    job = select(jobs).where(jobs.c.job_id == row.job_id)
    said = select(reviews).where(reviews.c.job_id == row.job_id).order_by(reviews.c.review_id)
    return Listed(
        study_of(connection.execute(study).one()),
        job_of(connection.execute(job).one()),
        result_of(connection, row),
        tuple(review_of(each) for each in connection.execute(said)),
    )
