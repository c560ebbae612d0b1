"""Studies and Instances in the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from inference.domain.accounting import Account
from inference.domain.errors import ConflictingInstance
from inference.domain.event import Event, EventKind
from inference.domain.incident import Incident
from inference.domain.instance import Instance, Receipt
from inference.domain.job import JobRequest
from inference.domain.study import Study, StudyState
from inference.persistence.account import count_all
from inference.persistence.cataloguing import catalogue
from inference.persistence.codec import to_json
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.incidents import add_incident, holds_same, removals_of
from inference.persistence.queue import insert_jobs
from inference.persistence.removals import is_retired, receive_again, times_removed
from inference.persistence.rows import columns_of, instance_of, study_of
from inference.persistence.tables import (
    instances,
    result_objects,
    reviews,
    revisions,
    studies,
)


class SqlIndex:
    """`Index` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, sop_instance_uid: str) -> Instance | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(instances).where(instances.c.sop_instance_uid == sop_instance_uid)
            ).one_or_none()
            return None if row is None else instance_of(row)

    def is_result(self, sop_instance_uid: str) -> bool:
        with self._database.reading() as connection:
            return any(
                connection.execute(
                    select(table.c.sop_instance_uid)
                    .where(table.c.sop_instance_uid == sop_instance_uid)
                    .limit(1)
                ).first()
                for table in (result_objects, reviews)
            )

    def removals(self, sop_instance_uid: str) -> int:
        with self._database.reading() as connection:
            return times_removed(connection, sop_instance_uid)

    def retired(self, sop_instance_uid: str) -> bool:
        with self._database.reading() as connection:
            return is_retired(connection, sop_instance_uid)

    def add(self, instance: Instance, at: datetime, quiet: timedelta, removals: int = 0) -> Receipt:
        # Where two writers run at once, both may find the Instance or the Study missing; the
        # one whose insert fails looks again. Once for each of the two is enough.
        for _ in range(2):
            with suppress(IntegrityError), self._database.writing() as connection:
                return _add(connection, instance, at, quiet, removals)
        with self._database.writing() as connection:
            return _add(connection, instance, at, quiet, removals)

    def incident_removals(self, sha256: str) -> int:
        with self._database.reading() as connection:
            return removals_of(connection, sha256)

    def add_incident(self, incident: Incident, at: datetime, removals: int = 0) -> None:
        with self._database.writing() as connection:
            add_incident(connection, incident, at, removals)

    def holds_same(self, sop_instance_uid: str, sha256: str) -> bool:
        with self._database.reading() as connection:
            return holds_same(connection, sop_instance_uid, sha256)

    def study(self, study_instance_uid: str) -> Study | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(studies).where(studies.c.study_instance_uid == study_instance_uid)
            ).one_or_none()
            return None if row is None else study_of(row)

    def studies(self, limit: int = 100, offset: int = 0) -> Sequence[Study]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(studies)
                .order_by(studies.c.received_at.desc(), studies.c.study_instance_uid)
                .limit(limit)
                .offset(offset)
            )
            return tuple(study_of(row) for row in rows)

    def instances(self, study_instance_uid: str) -> Sequence[Instance]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(instances)
                .where(instances.c.study_instance_uid == study_instance_uid)
                .order_by(
                    instances.c.series_number.nulls_last(),
                    instances.c.series_instance_uid,
                    instances.c.instance_number.nulls_last(),
                    instances.c.sop_instance_uid,
                )
            )
            return tuple(instance_of(row) for row in rows)

    def receiving(self) -> Sequence[Study]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(studies)
                .where(studies.c.state == StudyState.RECEIVING)
                .order_by(studies.c.quiet_until, studies.c.study_instance_uid)
            )
            return tuple(study_of(row) for row in rows)

    def complete(self, study_instance_uid: str, at: datetime) -> bool:
        with self._database.writing() as connection:
            changed = connection.execute(
                update(studies)
                .where(
                    studies.c.study_instance_uid == study_instance_uid,
                    studies.c.state == StudyState.RECEIVING,
                )
                .values(quiet_until=at)
            )
            return changed.rowcount > 0

    def close_revision(self, study: Study, requests: Sequence[JobRequest], at: datetime) -> bool:
        revision = study.revision + 1
        with self._database.writing() as connection:
            changed = connection.execute(
                update(studies)
                .where(
                    studies.c.study_instance_uid == study.study_instance_uid,
                    studies.c.state == StudyState.RECEIVING,
                    studies.c.revision == study.revision,
                    studies.c.instances == study.instances,
                    studies.c.received_at == study.received_at,
                )
                .values(state=StudyState.STABLE, revision=revision)
            )
            if not changed.rowcount:
                return False
            connection.execute(
                insert(revisions).values(
                    study_instance_uid=study.study_instance_uid,
                    revision=revision,
                    instances=study.instances,
                    closed_at=at,
                )
            )
            insert_jobs(connection, requests, at)
            append(
                connection,
                Event(EventKind.STUDY_STABLE, study.study_instance_uid, revision=revision),
            )
            return True

    def account(self) -> Account:
        with self._database.reading() as connection:
            return count_all(connection)


def _add(
    connection: Connection, instance: Instance, at: datetime, quiet: timedelta, removals: int
) -> Receipt:
    held = connection.scalar(
        select(instances.c.sha256).where(instances.c.sop_instance_uid == instance.sop_instance_uid)
    )
    if held is not None:
        if held != instance.sha256:
            raise ConflictingInstance()
        return Receipt.HELD_ALREADY
    same_study = studies.c.study_instance_uid == instance.study_instance_uid
    known = connection.execute(
        select(studies.c.priority, studies.c.state, studies.c.revision, studies.c.removed)
        .where(same_study)
        .with_for_update()
    ).one_or_none()
    arrived: dict[str, Any] = {
        "state": StudyState.RECEIVING,
        "received_at": at,
        "quiet_until": at + quiet,
        "attributes": to_json(instance.attributes),
        "body_part": instance.attributes.body_part,
        "priority": max(int(instance.origin.priority), known.priority if known else 0),
    }
    if known is None:
        connection.execute(
            insert(studies).values(
                study_instance_uid=instance.study_instance_uid, revision=0, instances=1, **arrived
            )
        )
    else:
        connection.execute(
            update(studies).where(same_study).values(instances=studies.c.instances + 1, **arrived)
        )
    if removals or (known and known.removed):
        receive_again(connection, instance.sop_instance_uid, removals)
    connection.execute(insert(instances).values(received_at=at, **columns_of(instance)))
    catalogue(connection, instance.description, instance.key)
    if known is None or known.state is StudyState.STABLE:
        revision = known.revision + 1 if known else 1
        append(
            connection,
            Event(EventKind.STUDY_RECEIVED, instance.study_instance_uid, revision=revision),
        )
    return Receipt.STORED
