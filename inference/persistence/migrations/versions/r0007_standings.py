"""Where each Study stands, kept with it; the reading list is read along an index."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("studies") as studies:
        studies.add_column(sa.Column("body_part", sa.Text(), server_default="", nullable=False))
        studies.add_column(
            sa.Column("standing", sa.String(length=16), server_default="waiting", nullable=False)
        )
        studies.add_column(sa.Column("turn", sa.Float(), server_default="3", nullable=False))
        studies.add_column(
            sa.Column("reviewed", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    findings = op.create_table(
        "study_findings",
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("presence", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_instance_uid"],
            ["studies.study_instance_uid"],
            name="fk_study_findings_study_instance_uid",
        ),
        sa.PrimaryKeyConstraint(
            "study_instance_uid", "finding", "presence", name=op.f("pk_study_findings")
        ),
    )
    _fill(op.get_bind(), findings)
    op.drop_index("ix_studies_received_at", "studies")
    op.create_index(
        "ix_studies_received_at_study_instance_uid",
        "studies",
        ["received_at", "study_instance_uid"],
    )
    op.create_index("ix_studies_body_part", "studies", ["body_part"])
    op.create_index(
        "ix_studies_turn",
        "studies",
        ["turn", "received_at", "study_instance_uid", "standing", "reviewed", "body_part"],
    )
    op.create_index("ix_study_findings_finding", "study_findings", ["finding"])
    op.create_index(
        "ix_jobs_model_name", "jobs", ["model_name", "shadow", "study_instance_uid", "revision"]
    )


def _fill(bind: sa.Connection, findings: sa.Table) -> None:
    studies = sa.table(
        "studies",
        *map(sa.column, ("study_instance_uid", "standing", "turn", "reviewed", "body_part")),
    )
    reviewed = set(bind.scalars(sa.text("SELECT job_id FROM reviews")))
    results = sa.text(
        "SELECT results.* FROM results JOIN jobs ON jobs.job_id = results.job_id"
        " WHERE results.study_instance_uid = :study AND NOT jobs.shadow"
    )
    held = bind.execute(sa.text("SELECT study_instance_uid, attributes FROM studies")).all()
    for uid, attributes in held:
        rows = bind.execute(results, {"study": uid}).mappings().all()
        counted = [row for row in rows if not any(_replaces(later, row) for later in rows)]
        found = [each for row in counted for each in _json(row["findings"])]
        standing, turn = _standing(counted, found)
        bind.execute(
            studies.update()
            .where(studies.c.study_instance_uid == uid)
            .values(
                standing=standing,
                turn=turn,
                reviewed=any(row["job_id"] in reviewed for row in counted),
                body_part=_json(attributes).get("body_part") or "",
            )
        )
        named = {(each["finding"]["meaning"], each["presence"]) for each in found}
        for finding, presence in sorted(named):
            bind.execute(
                findings.insert().values(study_instance_uid=uid, finding=finding, presence=presence)
            )


def _replaces(later: Any, row: Any) -> bool:
    return later["revision"] > row["revision"] and (row["model_name"] in ("", later["model_name"]))


def _standing(counted: list[Any], found: list[Any]) -> tuple[str, float]:
    presences = {each["presence"] for each in found}
    if "present" in presences:
        sure = max(each["certainty"] for each in found if each["presence"] == "present")
        return "present", 1 - sure
    if "undetermined" in presences:
        return "undetermined", 2.0
    if any(row["failed"] for row in counted):
        return "failed", 3.0
    if any(row["outcome"] == "not assessed" for row in counted):
        return "not assessed", 3.0
    return ("absent" if counted else "waiting"), 3.0


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def downgrade() -> None:
    op.drop_index("ix_jobs_model_name", "jobs")
    op.drop_table("study_findings")
    for name in ("turn", "body_part", "received_at_study_instance_uid"):
        op.drop_index(f"ix_studies_{name}", "studies")
    op.create_index("ix_studies_received_at", "studies", ["received_at"])
    with op.batch_alter_table("studies") as studies:
        for name in ("reviewed", "turn", "standing", "body_part"):
            studies.drop_column(name)
