"""What came of comparing bytes that were set aside with what the archive holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("compared", sa.String(length=16), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("incidents", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_column("compared")
