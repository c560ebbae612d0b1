"""Reviews in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from inference.domain.code import Code
from inference.domain.errors import InvalidReview
from inference.domain.event import Event, EventKind
from inference.domain.instance import Description
from inference.domain.result import ResultObject
from inference.domain.review import Review, Reviewed, Reviewer, current
from inference.persistence.cataloguing import catalogue_objects
from inference.persistence.codec import from_json, to_json
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.outbox import insert_deliveries
from inference.persistence.queue import job_of
from inference.persistence.results import result_of
from inference.persistence.standing import refresh_standing
from inference.persistence.tables import jobs, results, reviews


class SqlReviews:
    """`Reviews` in the same database as results and outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, review: Review, destinations: Sequence[str], description: Description | None = None
    ) -> Review:
        if review.report is None:
            raise ValueError("a review without its report")
        with self._database.writing() as connection:
            _check_result(connection, review.job_id)
            row = connection.execute(
                insert(reviews)
                .values(
                    job_id=review.job_id,
                    study_instance_uid=review.study_instance_uid,
                    finding=review.finding,
                    verdict=review.verdict,
                    presence=review.presence,
                    right_finding=to_json(review.right_finding),
                    reason=review.reason,
                    comment=review.comment,
                    reviewer_id=review.reviewer.id,
                    reviewer_name=review.reviewer.name,
                    authenticated=review.reviewer.authenticated,
                    reviewed_at=review.reviewed_at,
                    sop_instance_uid=review.report.sop_instance_uid,
                    object=to_json(review.report),
                )
                .returning(reviews)
            ).one()
            known = {} if description is None else {description.sop_instance_uid: description}
            catalogue_objects(connection, (review.report,), known)
            refresh_standing(connection, review.study_instance_uid)
            insert_deliveries(
                connection, review.job_id, (review.report,), destinations, review.reviewed_at
            )
            append(
                connection,
                Event(
                    EventKind.REVIEW_MADE,
                    review.study_instance_uid,
                    job_id=review.job_id,
                    review_id=row.review_id,
                    detail=review.verdict.value,
                ),
            )
            return review_of(row)

    def of_job(self, job_id: int) -> Sequence[Review]:
        with self._database.reading() as connection:
            return _of_job(connection, job_id)

    def reviews(self, limit: int = 100, offset: int = 0) -> Sequence[Review]:
        newest = select(reviews).order_by(reviews.c.review_id.desc()).limit(limit).offset(offset)
        with self._database.reading() as connection:
            return tuple(review_of(row) for row in connection.execute(newest))

    def reviewed(self, since: datetime | None = None) -> Sequence[Reviewed]:
        query = (
            select(results)
            .where(results.c.job_id.in_(select(reviews.c.job_id)))
            .order_by(results.c.result_id)
        )
        if since is not None:
            query = query.where(results.c.produced_at >= since)
        with self._database.reading() as connection:
            return tuple(
                Reviewed(
                    job_of(
                        connection.execute(select(jobs).where(jobs.c.job_id == row.job_id)).one()
                    ),
                    result_of(connection, row),
                    current(_of_job(connection, row.job_id)),
                )
                for row in connection.execute(query).all()
            )


def _check_result(connection: Connection, job_id: int) -> None:
    found = connection.execute(
        select(results.c.result_id)
        .join(jobs, jobs.c.job_id == results.c.job_id)
        .where(jobs.c.job_id == job_id, ~jobs.c.shadow)
    ).first()
    if found is None:
        raise InvalidReview("there is no result to review")


def _of_job(connection: Connection, job_id: int) -> tuple[Review, ...]:
    rows = connection.execute(
        select(reviews).where(reviews.c.job_id == job_id).order_by(reviews.c.review_id)
    )
    return tuple(review_of(row) for row in rows)


def review_of(row: Any) -> Review:
    """Return the Review of a row of `reviews`."""
    return Review(
        job_id=row.job_id,
        study_instance_uid=row.study_instance_uid,
        finding=row.finding,
        verdict=row.verdict,
        reviewer=Reviewer(row.reviewer_id, row.reviewer_name, row.authenticated),
        reviewed_at=row.reviewed_at,
        presence=row.presence,
        right_finding=None if row.right_finding is None else from_json(Code, row.right_finding),
        reason=row.reason,
        comment=row.comment,
        report=from_json(ResultObject, row.object),
        review_id=row.review_id,
    )
