"""What retention took away: which Instances, how often, and which files have still to go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("removed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("studies", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "removed_instances",
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_instance_uid"],
            ["studies.study_instance_uid"],
            name=op.f("fk_removed_instances_study_instance_uid"),
        ),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_removed_instances")),
    )
    op.create_index(op.f("ix_removed_instances_key"), "removed_instances", ["key"])


def downgrade() -> None:
    op.drop_table("removed_instances")
    with op.batch_alter_table("studies") as studies:
        studies.drop_column("removed_at")
        studies.drop_column("removed")
