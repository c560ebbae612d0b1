"""Several versions of a model at once: their rollouts, and Jobs in shadow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("model_name", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("active", sa.String(length=200), nullable=False),
        sa.Column("canary", sa.String(length=200), nullable=False),
        sa.Column("fraction", sa.Float(), nullable=False),
        sa.Column("shadow", sa.String(length=200), nullable=False),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_name", "number", name=op.f("pk_rollouts")),
    )
    # SQLite cannot drop a constraint: there the table is made anew and filled from the old.
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as jobs:
        jobs.add_column(
            sa.Column("shadow", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        jobs.drop_constraint("uq_jobs_study_instance_uid_revision_model_name", type_="unique")
        jobs.create_unique_constraint(
            "uq_jobs_study_instance_uid_revision_model_name_shadow",
            ["study_instance_uid", "revision", "model_name", "shadow"],
        )


def downgrade() -> None:
    op.drop_table("rollouts")
    op.execute("DELETE FROM results WHERE job_id IN (SELECT job_id FROM jobs WHERE shadow = true)")
    op.execute("DELETE FROM jobs WHERE shadow = true")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as jobs:
        jobs.drop_constraint(
            "uq_jobs_study_instance_uid_revision_model_name_shadow", type_="unique"
        )
        jobs.create_unique_constraint(
            "uq_jobs_study_instance_uid_revision_model_name",
            ["study_instance_uid", "revision", "model_name"],
        )
        jobs.drop_column("shadow")
