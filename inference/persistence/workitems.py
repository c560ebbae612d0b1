"""The worklist in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    delete,
    exists,
    false,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from inference.domain.job import Job, JobRequest, JobState
from inference.domain.workitem import StepState, Workitem
from inference.domain.workitem_event import WorkitemEvent
from inference.domain.workitem_search import (
    Key,
    WorkitemSearch,
    grouped,
    keys_of,
)
from inference.persistence.queue import insert_jobs, job_of, model_columns
from inference.persistence.tables import jobs, studies
from inference.persistence.workitem_events import (
    subscribe_all,
    tell,
)
from inference.persistence.workitem_matching import holds
from inference.persistence.workitem_subscribers import OPEN, SqlSubscribers
from inference.persistence.workitem_tables import (
    workitem_keys,
    workitem_subscriptions,
    workitems,
)


class SqlWorkitems(SqlSubscribers):
    """`Workitems` in the same database as the queue."""

    def add(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        try:
            with self._database.writing() as connection:
                if _number(connection, item.workitem_uid) is not None:
                    return False
                number = connection.execute(
                    insert(workitems)
                    .values(workitem_uid=item.workitem_uid, version=0, **_columns(item))
                    .returning(workitems.c.number)
                ).scalar_one()
                _put_keys(connection, number, item)
                subscribe_all(connection, item)
                tell(connection, events, item.modified_at)
        except IntegrityError:
            return False  # somebody else was quicker
        return True

    def replace(self, item: Workitem, events: Sequence[WorkitemEvent]) -> bool:
        with self._database.writing() as connection:
            number = _replace(connection, item, _columns(item))
            if number is None:
                return False
            connection.execute(delete(workitem_keys).where(workitem_keys.c.workitem == number))
            _put_keys(connection, number, item)
            tell(connection, events, item.modified_at)
            if item.state.is_final:
                # Nothing more will happen to it; a lock stays until its owner lets go.
                connection.execute(
                    delete(workitem_subscriptions).where(
                        workitem_subscriptions.c.workitem_uid == item.workitem_uid,
                        workitem_subscriptions.c.locked == false(),
                    )
                )
            return True

    def perform(self, item: Workitem, request: JobRequest, at: datetime) -> bool:
        name, _ = model_columns(request.model)
        wanted = and_(
            jobs.c.study_instance_uid == request.study_instance_uid,
            jobs.c.revision == request.revision,
            jobs.c.model_name == name,
            jobs.c.shadow == request.shadow,
        )
        with self._database.writing() as connection:
            if _version(connection, item) != item.version:
                return False
            if not _has_images(connection, request.study_instance_uid):
                return False
            insert_jobs(connection, (request,), at)
            job_id = connection.execute(select(jobs.c.job_id).where(wanted)).scalar_one()
            return _replace(connection, item, {"job_id": job_id}) is not None

    def find(self, workitem_uid: str) -> Workitem | None:
        query = select(workitems).where(workitems.c.workitem_uid == workitem_uid)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _workitem(row)

    def search(self, search: WorkitemSearch) -> Sequence[Workitem]:
        query = select(workitems).order_by(workitems.c.number)
        for group in grouped(search.conditions):
            query = query.where(*holds(group, is_sqlite=self._database.is_sqlite))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(search.limit).offset(search.offset))
            return tuple(_workitem(row) for row in rows)

    def waiting(self, limit: int = 100, after: str = "") -> Sequence[Workitem]:
        ready = exists().where(
            workitem_keys.c.workitem == workitems.c.number,
            workitem_keys.c.name == Key.READINESS.name,
            workitem_keys.c.value == "READY",
        )
        query = (
            select(workitems)
            .where(
                workitems.c.state == StepState.SCHEDULED,
                workitems.c.job_id.is_(None),
                workitems.c.workitem_uid > after,
                ready,
            )
            .order_by(workitems.c.workitem_uid)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(_workitem(row) for row in connection.execute(query))

    def performed(self) -> Sequence[tuple[Workitem, Job]]:
        begun = or_(jobs.c.state != JobState.QUEUED, jobs.c.attempts > 0)
        due = or_(
            workitems.c.state == StepState.IN_PROGRESS,
            and_(workitems.c.state == StepState.SCHEDULED, begun),
        )
        query = (
            select(workitems)
            .join(jobs, jobs.c.job_id == workitems.c.job_id)
            .where(due)
            .order_by(workitems.c.number)
        )
        with self._database.reading() as connection:
            found = [_workitem(row) for row in connection.execute(query).all()]
            ids = {each.job_id for each in found}
            held = {
                row.job_id: job_of(row)
                for row in connection.execute(select(jobs).where(jobs.c.job_id.in_(ids)))
            }
            return tuple((each, held[each.job_id]) for each in found if each.job_id in held)

    def unlisted(self, after: int, limit: int = 100) -> Sequence[Job]:
        listed = exists().where(workitems.c.job_id == jobs.c.job_id)
        is_open = exists().where(workitems.c.job_id == jobs.c.job_id, workitems.c.state.in_(OPEN))
        at_work = jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING))
        shown = select(jobs).where(jobs.c.shadow == false()).order_by(jobs.c.job_id).limit(limit)
        found: dict[int, Job] = {}
        with self._database.reading() as connection:
            # Two queries, each along an index; one would look at every Job there ever was.
            for missing in (and_(jobs.c.job_id > after, ~listed), and_(at_work, ~is_open)):
                for row in connection.execute(shown.where(missing)):
                    found[row.job_id] = job_of(row)
        return tuple(found[number] for number in sorted(found)[:limit])


def _has_images(connection: Connection, study_instance_uid: str) -> bool:
    # Locked against retention, which looks for Jobs before it takes images away.
    held = connection.scalar(
        select(studies.c.instances)
        .where(studies.c.study_instance_uid == study_instance_uid)
        .with_for_update(read=True)
    )
    return bool(held)


def _number(connection: Connection, workitem_uid: str) -> int | None:
    return connection.scalar(
        select(workitems.c.number).where(workitems.c.workitem_uid == workitem_uid)
    )


def _version(connection: Connection, item: Workitem) -> int | None:
    return connection.scalar(
        select(workitems.c.version)
        .where(workitems.c.workitem_uid == item.workitem_uid)
        .with_for_update()
    )


def _replace(connection: Connection, item: Workitem, columns: Mapping[str, Any]) -> int | None:
    """Write over the version that was read; return the row's number, None if it is another."""
    return connection.execute(
        update(workitems)
        .where(workitems.c.workitem_uid == item.workitem_uid, workitems.c.version == item.version)
        .values(version=item.version + 1, **columns)
        .returning(workitems.c.number)
    ).scalar_one_or_none()


def _put_keys(connection: Connection, number: int, item: Workitem) -> None:
    rows = [
        {"workitem": number, "name": each.key.name, "item": each.item, "value": each.value}
        for each in keys_of(item)
    ]
    connection.execute(insert(workitem_keys), rows)  # there is always a state


def _columns(item: Workitem) -> dict[str, Any]:
    return {
        "state": item.state,
        "transaction_uid": item.transaction_uid,
        "job_id": item.job_id,
        "own": item.own,
        "data": dict(item.data),
        "created_at": item.created_at,
        "modified_at": item.modified_at,
    }


def _workitem(row: Any) -> Workitem:
    return Workitem(
        workitem_uid=row.workitem_uid,
        state=row.state,
        data=row.data,
        created_at=row.created_at,
        modified_at=row.modified_at,
        transaction_uid=row.transaction_uid,
        job_id=row.job_id,
        own=row.own,
        version=row.version,
    )
