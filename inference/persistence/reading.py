"""The reading list out of the database: along an index to the page, then what is on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, exists, func, or_, select

from inference.domain.delivery import DeliveryState
from inference.domain.job import Job, JobState
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
)
from inference.domain.result import Result
from inference.persistence.catalog_tables import catalog_series, catalog_studies
from inference.persistence.engine import Database
from inference.persistence.queue import job_of
from inference.persistence.results import results_of
from inference.persistence.reviews import review_of
from inference.persistence.rows import study_of
from inference.persistence.tables import (
    deliveries,
    jobs,
    results,
    reviews,
    studies,
    study_findings,
)


class SqlReadingList:
    """`ReadingList`. `standing.py` keeps what it is sorted and narrowed by."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, query: ReadingQuery) -> ReadingPage:
        of, narrowed = studies.c, _narrowed(query)
        order: list[ColumnElement[Any]] = [of.received_at.desc(), of.study_instance_uid]
        if query.order is Order.URGENCY:
            order = [of.turn, of.received_at, of.study_instance_uid]
        page = (
            select(of.study_instance_uid)
            .where(*narrowed)
            .order_by(*order)
            .limit(query.limit)
            .offset(query.offset)
        )
        with self._database.reading() as connection:
            uids = connection.scalars(page).all()
            count = select(func.count()).select_from(studies).where(*narrowed)
            total = connection.scalar(count) or 0
            return ReadingPage(readings_of(connection, uids), total)

    def choices(self) -> ReadingChoices:
        with self._database.reading() as connection:
            modalities = _distinct(connection, catalog_series.c.modality)
            return ReadingChoices(
                tuple(each for each in modalities if each not in DERIVED_MODALITIES),
                _distinct(connection, jobs.c.model_name, jobs.c.shadow.is_(False)),
                _distinct(connection, studies.c.body_part),
                _distinct(connection, study_findings.c.finding),
            )

    def load(self) -> ReadingLoad:
        unread = (JobState.QUEUED, JobState.RUNNING)
        with self._database.reading() as connection:
            return ReadingLoad(
                connection.scalar(select(func.count()).select_from(studies)) or 0,
                connection.scalar(
                    select(func.count())
                    .select_from(jobs)
                    .where(jobs.c.state.in_(unread), ~jobs.c.shadow)
                )
                or 0,
                connection.scalar(
                    select(func.count())
                    .select_from(deliveries)
                    .where(deliveries.c.state == DeliveryState.PENDING)
                )
                or 0,
            )


def _distinct(
    connection: Connection, column: Column[Any], *conditions: ColumnElement[bool]
) -> tuple[str, ...]:
    """Return what a column holds, but "", in order: a leap along its index for each."""
    least = select(func.min(column)).where(column > "", *conditions).scalar_subquery()
    held = select(least.label("word")).cte("held", recursive=True)
    after = select(func.min(column)).where(column > held.c.word, *conditions).scalar_subquery()
    held = held.union_all(select(after).where(held.c.word.is_not(None)))
    return tuple(connection.scalars(select(held.c.word).where(held.c.word.is_not(None))))


def _narrowed(query: ReadingQuery) -> list[ColumnElement[bool]]:
    narrowed: list[ColumnElement[bool]] = []
    if query.standing is not None and not (query.finding and query.standing in PRESENCES):
        narrowed.append(studies.c.standing == query.standing)
    if query.reviewed is not None:
        narrowed.append(studies.c.reviewed.is_(query.reviewed))
    if query.body_part:
        narrowed.append(studies.c.body_part == query.body_part)
    if query.finding:
        looked_for = exists().where(
            study_findings.c.study_instance_uid == studies.c.study_instance_uid,
            study_findings.c.finding == query.finding,
        )
        if query.standing in PRESENCES:
            looked_for = looked_for.where(study_findings.c.presence == PRESENCES[query.standing])
        narrowed.append(looked_for)
    if query.model:
        narrowed.append(_read_by(query.model))
    if query.modality:
        narrowed.append(has_modality(query.modality))
    of_header = _of_header(query)
    if of_header:
        same = catalog_studies.c.study_instance_uid == studies.c.study_instance_uid
        narrowed.append(exists().where(same, *of_header))
    return narrowed


def has_modality(modality: str) -> ColumnElement[bool]:
    """Has a Series of the Study this modality, or had one before its images were removed?"""
    series = (
        exists()
        .where(
            catalog_studies.c.study_instance_uid == studies.c.study_instance_uid,
            catalog_series.c.study == catalog_studies.c.number,
            catalog_series.c.modality == modality,
        )
        .correlate(studies)
    )
    return or_(
        series,
        and_(studies.c.removed > 0, studies.c.attributes["modality"].as_string() == modality),
    )


def _of_header(query: ReadingQuery) -> list[ColumnElement[bool]]:
    """Return what the catalog knows."""
    of = catalog_studies.c
    narrowed: list[ColumnElement[bool]] = []
    if query.words:
        typed = query.text.strip().casefold()
        named = (of.patient_name_key.contains(each, autoescape=True) for each in query.words)
        narrowed.append(
            or_(
                and_(*named),
                func.lower(of.patient_id).contains(typed, autoescape=True),
                func.lower(of.accession_number).contains(typed, autoescape=True),
            )
        )
    if query.patient_id:
        narrowed.append(of.patient_id == query.patient_id)
    if query.first_date:
        narrowed.append(of.study_date_key >= query.first_date)
    if query.last_date:
        narrowed.append(and_(of.study_date_key != "", of.study_date_key <= query.last_date))
    return narrowed


def _read_by(model: str) -> ColumnElement[bool]:
    read, newer = jobs.alias("read"), jobs.alias("newer")
    newest = (
        select(func.max(newer.c.revision))
        .where(newer.c.study_instance_uid == read.c.study_instance_uid, ~newer.c.shadow)
        .scalar_subquery()
    )
    return exists().where(
        read.c.study_instance_uid == studies.c.study_instance_uid,
        read.c.model_name == model,
        read.c.revision == newest,
        ~read.c.shadow,
    )


def readings_of(connection: Connection, uids: Sequence[str]) -> tuple[Reading, ...]:
    """Return what the list shows of each Study, in the order of `uids`."""
    held_studies = connection.execute(select(studies).where(studies.c.study_instance_uid.in_(uids)))
    by_uid = {row.study_instance_uid: study_of(row) for row in held_studies}
    of_study: dict[str, list[Job]] = defaultdict(list)
    held = select(jobs).where(jobs.c.study_instance_uid.in_(uids), ~jobs.c.shadow)
    for row in connection.execute(held.order_by(jobs.c.job_id)):
        of_study[row.study_instance_uid].append(job_of(row))
    known = {each.job_id: each for group in of_study.values() for each in group}
    ended: dict[str, list[tuple[Job, Result]]] = defaultdict(list)
    rows = connection.execute(select(results).where(results.c.job_id.in_(known))).all()
    for row, result in zip(rows, results_of(connection, rows), strict=True):
        ended[row.study_instance_uid].append((known[row.job_id], result))
    said = defaultdict(list)
    kept = select(reviews).where(reviews.c.job_id.in_(known)).order_by(reviews.c.review_id)
    for row in connection.execute(kept):
        said[row.job_id].append(review_of(row))
    readings = []
    for uid in uids:
        own = of_study[uid]
        counted = counting(ended[uid])
        newest = max((each.request.revision for each in own), default=0)
        readings.append(
            Reading(
                by_uid[uid],
                standing_of([result for _, result in counted]),
                tuple(each for each in own if each.request.revision == newest),
                counted,
                tuple(
                    sorted(
                        (review for job, _ in counted for review in said[job.job_id]),
                        key=lambda each: each.review_id,
                    )
                ),
            )
        )
    return tuple(readings)
