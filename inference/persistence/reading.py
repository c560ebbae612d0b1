"""The reading list out of the database: one query for the order, a few for one page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
)

from inference.domain.finding import Presence
from inference.domain.job import Job
from inference.domain.reading import (
    DERIVED_MODALITIES,
    Order,
    Reading,
    ReadingChoices,
    ReadingPage,
    ReadingQuery,
    Standing,
    counting,
    standing_of,
)
from inference.domain.result import Outcome, Result
from inference.persistence.catalog_tables import catalog_series, catalog_studies
from inference.persistence.engine import Database
from inference.persistence.index import study_of
from inference.persistence.queue import job_of
from inference.persistence.results import result_of
from inference.persistence.reviews import review_of
from inference.persistence.tables import jobs, results, reviews, studies


class SqlReadingList:
    """`ReadingList`. The findings are looked into where they lie, as JSON in the results."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, query: ReadingQuery) -> ReadingPage:
        said = said_by(self._database)
        ours = said.c.study_instance_uid == studies.c.study_instance_uid
        catalogued = catalog_studies.c.study_instance_uid == studies.c.study_instance_uid
        waits = studies.c.received_at
        order: list[ColumnElement[Any]]
        if query.order is Order.NEWEST:
            order = [waits.desc()]
        else:
            rank = case((said.c.present.is_not(None), 0), (said.c.undetermined > 0, 1), else_=2)
            order = [rank, func.coalesce(said.c.present, -1.0).desc(), waits]
        found = (
            select(studies.c.study_instance_uid, func.count().over().label("total"))
            .select_from(studies.outerjoin(said, ours).outerjoin(catalog_studies, catalogued))
            .where(*self._narrowed(query, said))
            .order_by(*order, studies.c.study_instance_uid)
        )
        with self._database.reading() as connection:
            page = found.limit(query.limit).offset(query.offset)
            rows = connection.execute(page).all()
            total = rows[0].total if rows else 0
            if not rows and query.offset:
                counted = found.order_by(None).subquery()
                total = connection.scalar(select(func.count()).select_from(counted)) or 0
            uids = [row.study_instance_uid for row in rows]
            return ReadingPage(readings_of(connection, uids), total)

    def choices(self) -> ReadingChoices:
        modalities = (
            select(catalog_series.c.modality)
            .where(catalog_series.c.modality.not_in(("", *DERIVED_MODALITIES)))
            .distinct()
        )
        models = select(jobs.c.model_name).where(jobs.c.model_name != "", ~jobs.c.shadow)
        with self._database.reading() as connection:
            return ReadingChoices(
                tuple(sorted(connection.scalars(modalities))),
                tuple(sorted(connection.scalars(models.distinct()))),
            )

    def _narrowed(self, query: ReadingQuery, said: CTE) -> list[ColumnElement[bool]]:
        narrowed: list[ColumnElement[bool]] = []
        if query.words:
            typed = query.text.strip().casefold()
            narrowed.append(
                or_(
                    and_(
                        *(
                            catalog_studies.c.patient_name_key.contains(each, autoescape=True)
                            for each in query.words
                        )
                    ),
                    func.lower(catalog_studies.c.patient_id).contains(typed, autoescape=True),
                    func.lower(catalog_studies.c.accession_number).contains(typed, autoescape=True),
                )
            )
        if query.modality:
            series = catalog_series.alias("of_modality")
            narrowed.append(
                exists().where(
                    series.c.study == catalog_studies.c.number,
                    series.c.modality == query.modality,
                )
            )
        if query.model:
            read = jobs.alias("read")
            newer = jobs.alias("newer")
            newest = (
                select(func.max(newer.c.revision))
                .where(newer.c.study_instance_uid == studies.c.study_instance_uid, ~newer.c.shadow)
                .scalar_subquery()
            )
            narrowed.append(
                exists().where(
                    read.c.study_instance_uid == studies.c.study_instance_uid,
                    read.c.model_name == query.model,
                    read.c.revision == newest,
                    ~read.c.shadow,
                )
            )
        if query.standing is not None:
            narrowed.append(standing_by(said) == query.standing.value)
        if query.reviewed is not None:
            is_reviewed = func.coalesce(said.c.reviewed, 0) > 0
            narrowed.append(is_reviewed if query.reviewed else ~is_reviewed)
        day = catalog_studies.c.study_date_key
        if query.first_date:
            narrowed.append(day >= query.first_date)
        if query.last_date:
            narrowed.append(and_(day != "", day <= query.last_date))
        return narrowed


def said_by(database: Database) -> CTE:
    """A row for each Study with results: what those say that count."""
    later = results.alias("later")
    shown = jobs.alias("shown")
    replaced = exists().where(
        later.c.study_instance_uid == results.c.study_instance_uid,
        later.c.revision > results.c.revision,
        or_(results.c.model_name == "", later.c.model_name == results.c.model_name),
        later.c.job_id == shown.c.job_id,
        ~shown.c.shadow,
    )
    finding, presence, certainty = _finding(database)
    return (
        select(
            results.c.study_instance_uid,
            func.max(case((presence == Presence.PRESENT.value, certainty))).label("present"),
            func.max(case((presence == Presence.UNDETERMINED.value, 1), else_=0)).label(
                "undetermined"
            ),
            func.max(case((results.c.failed, 1), else_=0)).label("failed"),
            func.max(case((results.c.outcome == Outcome.NOT_ASSESSED, 1), else_=0)).label(
                "not_assessed"
            ),
            func.max(
                case((exists().where(reviews.c.job_id == results.c.job_id), 1), else_=0)
            ).label("reviewed"),
        )
        .select_from(
            results.join(jobs, and_(jobs.c.job_id == results.c.job_id, ~jobs.c.shadow)).join(
                finding, _true(), isouter=True
            )
        )
        .where(~replaced)
        .group_by(results.c.study_instance_uid)
        .cte("said")
    )


def _finding(database: Database) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
    """Return the findings of a result as rows, with presence and certainty."""
    if database.is_sqlite:
        # To look for a word is far cheaper than to take the JSON apart.
        words = func.instr(results.c.findings, '"present"') + func.instr(
            results.c.findings, '"undetermined"'
        )
        worth = case((words > 0, results.c.findings), else_="[]")
        each = func.json_each(worth).table_valued("value", name="finding")
        return (
            each,
            func.json_extract(each.c.value, "$.presence"),
            func.json_extract(each.c.value, "$.certainty").cast(Float),
        )
    rows = func.json_array_elements(results.c.findings).table_valued("value", name="finding")
    lateral = rows.render_derived()
    return (
        lateral,
        lateral.c.value.op("->>")("presence"),
        lateral.c.value.op("->>")("certainty").cast(Float),
    )


def _true() -> ColumnElement[bool]:
    return ~false()


def standing_by(said: CTE) -> ColumnElement[str]:
    """Return the most urgent, as `standing_of` does."""
    return case(
        (said.c.study_instance_uid.is_(None), Standing.WAITING.value),
        (said.c.present.is_not(None), Standing.PRESENT.value),
        (said.c.undetermined > 0, Standing.UNDETERMINED.value),
        (said.c.failed > 0, Standing.FAILED.value),
        (said.c.not_assessed > 0, Standing.NOT_ASSESSED.value),
        else_=Standing.ABSENT.value,
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
    for row in connection.execute(select(results).where(results.c.job_id.in_(known))):
        ended[row.study_instance_uid].append((known[row.job_id], result_of(connection, row)))
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
