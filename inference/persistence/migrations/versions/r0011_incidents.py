"""What somebody decided about bytes that were set aside, and whether they are there still."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in _columns():
        op.add_column("incidents", column)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("events", sa.Column("incident_id", number, nullable=True))
    # The key is of the data set's digest, and what it contradicts is mostly held still.
    op.execute(
        "UPDATE incidents SET last_at = occurred_at, sha256 = CASE WHEN length(key) = 79 "
        "AND key LIKE 'quarantine/%.dcm' THEN substr(key, 12, 64) ELSE '' END"
    )
    op.execute(
        "UPDATE incidents SET against = coalesce((SELECT instances.sha256 FROM instances "
        "WHERE instances.sop_instance_uid = incidents.sop_instance_uid), '') "
        "WHERE kind = 'conflict'"
    )
    for name, columns in _INDEXES:
        op.create_index(op.f(name), "incidents", columns)


def downgrade() -> None:
    for name, _ in _INDEXES:
        op.drop_index(op.f(name), table_name="incidents")
    with op.batch_alter_table("events", table_kwargs=_NUMBERED) as events:
        events.drop_column("incident_id")
    with op.batch_alter_table("incidents", table_kwargs=_NUMBERED) as incidents:
        for column in _columns():
            incidents.drop_column(column.name)


def _columns() -> list[sa.Column[object]]:
    def text(name: str, kind: sa.types.TypeEngine[str]) -> sa.Column[object]:
        return sa.Column(name, kind, server_default="", nullable=False)

    def moment(name: str) -> sa.Column[object]:
        return sa.Column(name, sa.DateTime(timezone=True), nullable=True)

    return [
        text("sha256", sa.String(length=64)),
        text("against", sa.String(length=64)),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        moment("last_at"),
        sa.Column("decision", sa.String(length=16), nullable=True),
        text("why", sa.Text()),
        text("resolved_by", sa.String(length=200)),
        sa.Column("authenticated", sa.Boolean(), server_default=sa.false(), nullable=False),
        moment("resolved_at"),
        sa.Column("removals", sa.Integer(), server_default="0", nullable=False),
        text("going", sa.Text()),
        moment("removed_at"),
    ]


_NUMBERED = {"sqlite_autoincrement": True}  # no number is given twice
_INDEXES = (
    ("ix_incidents_study_instance_uid", ["study_instance_uid"]),
    ("ix_incidents_sha256", ["sha256"]),
    ("ix_incidents_key", ["key"]),
    ("ix_incidents_going", ["going"]),
    ("ix_incidents_decision", ["decision", "kind"]),
)
