"""What retention takes away, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    cast,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from inference.domain.errors import RepositoryUnavailable
from inference.domain.event import Event, EventKind
from inference.domain.incident import IncidentKind
from inference.domain.retention import RetentionTerms, StudyUse, Weighed, claims
from inference.domain.workitem import StepState
from inference.persistence.cataloguing import forget_received
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.incidents import IS_OPEN, remove_bytes
from inference.persistence.reviews import review_of
from inference.persistence.tables import (
    deliveries,
    incidents,
    instances,
    jobs,
    removed_instances,
    results,
    reviews,
    studies,
)
from inference.persistence.workitem_tables import workitems

_OPEN = (StepState.SCHEDULED, StepState.IN_PROGRESS)


class SqlRemovals:
    """`Removals` in the same database as the index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, before: datetime) -> Sequence[str]:
        query = (
            select(studies.c.study_instance_uid)
            .where(studies.c.received_at <= before, studies.c.instances > 0)
            .order_by(studies.c.received_at, studies.c.study_instance_uid)
        )
        with self._database.reading() as connection:
            return connection.scalars(query).all()

    def weigh(self, study_instance_uid: str, terms: RetentionTerms) -> Weighed | None:
        of_study = studies.c.study_instance_uid == study_instance_uid
        with self._database.reading() as connection:
            row = connection.execute(select(studies).where(of_study)).one_or_none()
            return _weigh(connection, row, terms)

    def remove(
        self, study_instance_uid: str, terms: RetentionTerms, at: datetime
    ) -> Weighed | None:
        # Locked as by who adds an Instance to it, or a Job: none can come in between.
        of_study = studies.c.study_instance_uid == study_instance_uid
        locked = select(studies).where(of_study).with_for_update()
        with self._database.writing() as connection:
            weighed = _weigh(connection, connection.execute(locked).one_or_none(), terms)
            if weighed is None or weighed.claims:
                return weighed
            _remember(connection, study_instance_uid, at)
            forget_received(connection, study_instance_uid)
            gone = connection.execute(
                delete(instances).where(instances.c.study_instance_uid == study_instance_uid)
            ).rowcount
            connection.execute(
                update(studies)
                .where(of_study)
                .values(instances=0, removed=studies.c.removed + gone, removed_at=at)
            )
            remove_bytes(connection, incidents.c.study_instance_uid == study_instance_uid, at)
            revision = connection.scalar(select(studies.c.revision).where(of_study))
            append(
                connection,
                Event(
                    EventKind.IMAGES_REMOVED,
                    study_instance_uid,
                    revision=revision,
                    detail=str(gone),
                ),
            )
            return weighed

    def unfinished(self, limit: int = 500) -> Sequence[str]:
        with self._database.reading() as connection:
            found: list[str] = []
            for left in (removed_instances.c.key, incidents.c.going):
                keys = select(left).where(left > "").order_by(left).limit(limit - len(found))
                found += connection.scalars(keys)
            return found

    def finish(self, keys: Sequence[str]) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(removed_instances)
                .where(removed_instances.c.key.in_(keys), removed_instances.c.key > "")
                .values(key="")
            )
            connection.execute(
                update(incidents)
                .where(incidents.c.going.in_(keys), incidents.c.going > "")
                .values(going="")
            )


def times_removed(connection: Connection, sop_instance_uid: str) -> int:
    """Return how often retention took this Instance away."""
    times = select(removed_instances.c.times).where(
        removed_instances.c.sop_instance_uid == sop_instance_uid
    )
    return connection.scalar(times) or 0


def is_retired(connection: Connection, sop_instance_uid: str) -> bool:
    """Did retention take this Instance away, and leave no image of its Study?"""
    left = (
        select(studies.c.instances)
        .join(
            removed_instances,
            removed_instances.c.study_instance_uid == studies.c.study_instance_uid,
        )
        .where(
            removed_instances.c.sop_instance_uid == sop_instance_uid,
            removed_instances.c.held == false(),
        )
    )
    return connection.scalar(left) == 0


def receive_again(connection: Connection, sop_instance_uid: str, removals: int) -> None:
    """Take an Instance off what is missing, in the transaction that adds it.

    Raises `RepositoryUnavailable` where it was removed after its file was named.
    """
    row = connection.execute(
        select(removed_instances).where(removed_instances.c.sop_instance_uid == sop_instance_uid)
    ).one_or_none()
    if row is None:
        return
    if row.times != removals:
        raise RepositoryUnavailable("The Instance was removed just now; send it again.")
    if row.held:
        return
    connection.execute(
        update(removed_instances)
        .where(removed_instances.c.sop_instance_uid == sop_instance_uid)
        .values(held=True)
    )
    # By its own row: it may have come again in another Study.
    connection.execute(
        update(studies)
        .where(studies.c.study_instance_uid == row.study_instance_uid)
        .values(removed=studies.c.removed - 1)
    )


def _remember(connection: Connection, study_instance_uid: str, at: datetime) -> None:
    of_study = instances.c.study_instance_uid == study_instance_uid
    own = select(instances.c.sop_instance_uid).where(of_study)
    key = (
        select(instances.c.key)
        .where(instances.c.sop_instance_uid == removed_instances.c.sop_instance_uid)
        .scalar_subquery()
    )
    again = removed_instances.c.sop_instance_uid.in_(own)
    left = select(removed_instances.c.key).where(again, removed_instances.c.key > "")
    if connection.execute(left.limit(1)).first():
        raise RepositoryUnavailable("Files of an earlier removal have still to go.")
    connection.execute(
        update(removed_instances)
        .where(again)
        .values(
            study_instance_uid=study_instance_uid,
            times=removed_instances.c.times + 1,
            held=False,
            key=key,
            removed_at=at,
        )
    )
    known = exists().where(removed_instances.c.sop_instance_uid == instances.c.sop_instance_uid)
    connection.execute(
        insert(removed_instances).from_select(
            ["sop_instance_uid", "study_instance_uid", "times", "held", "key", "removed_at"],
            select(
                instances.c.sop_instance_uid,
                instances.c.study_instance_uid,
                literal(1),
                false(),
                instances.c.key,
                literal(at, removed_instances.c.removed_at.type),
            ).where(of_study, ~known),
        )
    )


def _weigh(connection: Connection, row: Any, terms: RetentionTerms) -> Weighed | None:
    if row is None or not row.instances:
        return None
    size = select(func.sum(instances.c.size)).where(
        instances.c.study_instance_uid == row.study_instance_uid
    )
    return Weighed(
        row.study_instance_uid,
        row.received_at,
        row.instances,
        int(connection.scalar(size) or 0),
        claims(_use(connection, row), terms),
    )


def _use(connection: Connection, row: Any) -> StudyUse:
    uid = row.study_instance_uid
    own = select(jobs.c.job_id).where(jobs.c.study_instance_uid == uid)
    sent = select(deliveries.c.destination, deliveries.c.state).where(deliveries.c.job_id.in_(own))
    shown = select(results.c.result_id).where(
        results.c.job_id.in_(own.where(jobs.c.shadow == false()))
    )
    # A UID is digits and dots: nothing in it is escaped, whatever names it.
    named = or_(workitems.c.job_id.in_(own), cast(workitems.c.data, Text).contains(f'"{uid}"'))
    in_open = select(workitems.c.number).where(workitems.c.state.in_(_OPEN), named)
    conflict = select(incidents.c.incident_id).where(
        incidents.c.kind == IncidentKind.CONFLICT,
        incidents.c.study_instance_uid == uid,
        IS_OPEN,
    )
    said = select(reviews).where(reviews.c.job_id.in_(own)).order_by(reviews.c.review_id)

    def any_of(query: Any) -> bool:
        return connection.execute(query.limit(1)).first() is not None

    return StudyUse(
        state=row.state,
        received_at=row.received_at,
        jobs=frozenset(
            connection.scalars(
                select(jobs.c.state).where(jobs.c.study_instance_uid == uid).distinct()
            )
        ),
        has_results=any_of(shown),
        deliveries=frozenset(
            (each.destination, each.state) for each in connection.execute(sent.distinct())
        ),
        in_open_workitem=any_of(in_open),
        in_conflict=any_of(conflict),
        reviews=tuple(review_of(each) for each in connection.execute(said)),
    )
