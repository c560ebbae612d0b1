"""Results in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from inference.domain.errors import LeaseLost
from inference.domain.event import EventKind, event_of
from inference.domain.finding import Finding
from inference.domain.instance import Description
from inference.domain.job import Job, JobState, Lease, ModelId
from inference.domain.refusal import Refusal
from inference.domain.result import Outcome, Result, ResultObject
from inference.persistence import tickets
from inference.persistence.cataloguing import catalogue_objects
from inference.persistence.codec import to_json, tuple_from_json
from inference.persistence.engine import Database
from inference.persistence.events import append
from inference.persistence.outbox import insert_deliveries
from inference.persistence.queue import held, job_of, model_columns, model_of
from inference.persistence.standing import refresh_standing
from inference.persistence.tables import jobs, result_objects, results


class SqlResults:
    """`Results` in the same database as the queue and the outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        lease: Lease,
        result: Result,
        destinations: Sequence[str],
        descriptions: Mapping[str, Description] | None = None,
    ) -> None:
        if lease.job.request.shadow and (destinations or result.objects):
            raise ValueError("a result in shadow is not delivered")
        state = _state(result)
        ending: dict[str, Any] = {"state": state, "finished_at": result.produced_at, "worker": ""}
        if state is not JobState.FAILED:
            ending["error"] = ""
        elif result.refusals:
            ending["error"] = result.refusals[0].detail
        with self._database.writing() as connection:
            if not connection.execute(update(jobs).where(held(lease)).values(ending)).rowcount:
                raise LeaseLost()
            tickets.finish(connection, lease.job.job_id)
            _insert(connection, lease.job.job_id, result)
            catalogue_objects(connection, result.objects, descriptions or {})
            if not lease.job.request.shadow:
                refresh_standing(connection, result.study_instance_uid)
            failed = state is JobState.FAILED
            kind = EventKind.JOB_FAILED if failed else EventKind.JOB_FINISHED
            insert_deliveries(
                connection, lease.job.job_id, result.objects, destinations, result.produced_at
            )
            append(connection, event_of(lease.job, kind))

    def of_study(
        self, study_instance_uid: str, *, shadow: bool = False
    ) -> Sequence[tuple[Job, Result]]:
        with self._database.reading() as connection:
            found = connection.execute(
                select(results)
                .join(jobs, jobs.c.job_id == results.c.job_id)
                .where(results.c.study_instance_uid == study_instance_uid, jobs.c.shadow == shadow)
                .order_by(results.c.revision.desc(), results.c.result_id.desc())
            ).all()
            return tuple(
                (_job(connection, row.job_id), result_of(connection, row)) for row in found
            )

    def of_job(self, job_id: int) -> Result | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(results).where(results.c.job_id == job_id)
            ).one_or_none()
            return None if row is None else result_of(connection, row)

    def predecessor(
        self, study_instance_uid: str, model: ModelId | None, revision: int
    ) -> Result | None:
        name, _ = model_columns(model)
        with self._database.reading() as connection:
            row = connection.execute(
                select(results)
                .join(jobs, jobs.c.job_id == results.c.job_id)
                .where(
                    ~jobs.c.shadow,
                    results.c.study_instance_uid == study_instance_uid,
                    results.c.model_name == name,
                    results.c.revision < revision,
                )
                .order_by(results.c.revision.desc(), results.c.result_id.desc())
                .limit(1)
            ).one_or_none()
            return None if row is None else result_of(connection, row)

    def beside(self, shadow: ModelId, limit: int = 10_000) -> Sequence[tuple[Result, Result]]:
        shown = jobs.alias("shown")
        # By Jobs, which are unique where results are looked for by them.
        pairs = (
            select(shown.c.job_id, jobs.c.job_id)
            .join(
                shown,
                and_(
                    shown.c.study_instance_uid == jobs.c.study_instance_uid,
                    shown.c.revision == jobs.c.revision,
                    shown.c.model_name == jobs.c.model_name,
                    ~shown.c.shadow,
                ),
            )
            .where(
                jobs.c.shadow,
                jobs.c.model_name == shadow.name,
                jobs.c.model_version == shadow.version,
                jobs.c.state.in_(_ENDED),
                shown.c.state.in_(_ENDED),
            )
            .order_by(jobs.c.job_id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(
                (_by_job(connection, first), _by_job(connection, second))
                for first, second in connection.execute(pairs).all()
            )


_ENDED = (JobState.DONE, JobState.REFUSED, JobState.FAILED)


def _by_job(connection: Connection, job_id: int) -> Result:
    row = connection.execute(select(results).where(results.c.job_id == job_id)).one()
    return result_of(connection, row)


def _state(result: Result) -> JobState:
    if result.failed:
        return JobState.FAILED
    return JobState.DONE if result.outcome is Outcome.ASSESSED else JobState.REFUSED


def _insert(connection: Connection, job_id: int, result: Result) -> None:
    name, version = model_columns(result.model)
    result_id = connection.execute(
        insert(results)
        .values(
            job_id=job_id,
            study_instance_uid=result.study_instance_uid,
            revision=result.revision,
            model_name=name,
            model_version=version,
            outcome=result.outcome,
            findings=to_json(result.findings),
            refusals=to_json(result.refusals),
            produced_at=result.produced_at,
            seconds=result.seconds,
            failed=result.failed,
        )
        .returning(results.c.result_id)
    ).scalar_one()
    for position, each in enumerate(result.objects):
        connection.execute(
            insert(result_objects).values(
                result_id=result_id,
                position=position,
                role=each.role,
                sop_class_uid=each.sop_class_uid,
                sop_instance_uid=each.sop_instance_uid,
                series_instance_uid=each.series_instance_uid,
                study_instance_uid=each.study_instance_uid,
                key=each.key,
            )
        )


def _job(connection: Connection, job_id: int) -> Job:
    return job_of(connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one())


def result_of(connection: Connection, row: Any) -> Result:
    """Return the Result of a row of `results`."""
    return results_of(connection, [row])[0]


def results_of(connection: Connection, rows: Sequence[Any]) -> Sequence[Result]:
    """Return the Results of rows of `results`, in their order."""
    objects: dict[int, list[ResultObject]] = defaultdict(list)
    made = (
        select(result_objects)
        .where(result_objects.c.result_id.in_([row.result_id for row in rows]))
        .order_by(result_objects.c.position)
    )
    for each in connection.execute(made):
        objects[each.result_id].append(
            ResultObject(
                role=each.role,
                sop_class_uid=each.sop_class_uid,
                sop_instance_uid=each.sop_instance_uid,
                series_instance_uid=each.series_instance_uid,
                study_instance_uid=each.study_instance_uid,
                key=each.key,
            )
        )
    return [
        Result(
            study_instance_uid=row.study_instance_uid,
            revision=row.revision,
            model=model_of(row),
            outcome=row.outcome,
            findings=tuple_from_json(Finding, row.findings),
            refusals=tuple_from_json(Refusal, row.refusals),
            produced_at=row.produced_at,
            seconds=row.seconds,
            failed=row.failed,
            objects=tuple(objects[row.result_id]),
        )
        for row in rows
    ]
