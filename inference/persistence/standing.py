"""Where a Study stands, kept with it: a list by urgency is then read along an index.

Whoever adds or forgets a result or a review of a Study says so here, in the same transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from inference.domain.finding import Finding
from inference.domain.job import ModelId
from inference.domain.reading import replaces, standing_of, turn_of
from inference.domain.result import Result
from inference.persistence.codec import tuple_from_json
from inference.persistence.tables import jobs, results, reviews, studies, study_findings


def refresh_standing(connection: Connection, study_instance_uid: str) -> None:
    """Write anew what the results that count say of the Study."""
    rows = connection.execute(
        select(results, exists().where(reviews.c.job_id == results.c.job_id).label("reviewed"))
        .join(jobs, jobs.c.job_id == results.c.job_id)
        .where(results.c.study_instance_uid == study_instance_uid, ~jobs.c.shadow)
    ).all()
    said = [(_result(row), bool(row.reviewed)) for row in rows]
    counted = [
        (result, reviewed)
        for result, reviewed in said
        if not any(replaces(later, result) for later, _ in said)
    ]
    of_study = [result for result, _ in counted]
    connection.execute(
        update(studies)
        .where(studies.c.study_instance_uid == study_instance_uid)
        .values(
            standing=standing_of(of_study),
            turn=turn_of(of_study),
            reviewed=any(reviewed for _, reviewed in counted),
        )
    )
    connection.execute(
        delete(study_findings).where(study_findings.c.study_instance_uid == study_instance_uid)
    )
    named = {(each.finding.meaning, each.presence) for each in _findings(of_study)}
    if named:
        connection.execute(
            insert(study_findings),
            [
                {"study_instance_uid": study_instance_uid, "finding": name, "presence": presence}
                for name, presence in sorted(named)
            ],
        )


def _findings(of_study: list[Result]) -> list[Finding]:
    return [each for result in of_study for each in result.findings]


def _result(row: Any) -> Result:
    return Result(
        study_instance_uid=row.study_instance_uid,
        revision=row.revision,
        model=ModelId(row.model_name, row.model_version) if row.model_name else None,
        outcome=row.outcome,
        findings=tuple_from_json(Finding, row.findings),
        refusals=(),
        produced_at=row.produced_at,
        seconds=row.seconds,
        failed=row.failed,
    )
