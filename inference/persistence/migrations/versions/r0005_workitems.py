"""The worklist: workitems, who wants to be told of them, and of what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    uid = sa.String(length=64)
    op.create_table(
        "workitems",
        sa.Column("number", number, nullable=False),
        sa.Column("workitem_uid", uid, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("transaction_uid", uid, nullable=False),
        sa.Column("job_id", number, nullable=True),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_workitems_job_id"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_workitems")),
        sa.UniqueConstraint("workitem_uid", name="uq_workitems_workitem_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workitems_job_id", "workitems", ["job_id"], unique=False)
    op.create_index("ix_workitems_state_workitem_uid", "workitems", ["state", "workitem_uid"])
    op.create_table(
        "workitem_keys",
        sa.Column("workitem", number, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["workitem"], ["workitems.number"], name="fk_workitem_keys_workitem"
        ),
        sa.UniqueConstraint(
            "name", "value", "workitem", "item", name="uq_workitem_keys_name_value_workitem_item"
        ),
    )
    op.create_index("ix_workitem_keys_workitem", "workitem_keys", ["workitem"], unique=False)
    op.create_table(
        "workitem_subscriptions",
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("workitem_uid", uid, nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", "workitem_uid", name=op.f("pk_workitem_subscriptions")),
    )
    op.create_index(
        "ix_workitem_subscriptions_workitem_uid", "workitem_subscriptions", ["workitem_uid"]
    )
    op.create_table(
        "workitem_events",
        sa.Column("number", number, nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("workitem_uid", uid, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_workitem_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workitem_events_ae_title_number", "workitem_events", ["ae_title", "number"])


def downgrade() -> None:
    for table in ("workitem_events", "workitem_subscriptions", "workitem_keys", "workitems"):
        op.drop_table(table)
