"""The queue on PostgreSQL: Procrastinate's tables, and a ticket there for each Job to be done.

What Procrastinate creates comes with its package, in one schema for each of its versions; so
the version is pinned, and another one needs a migration of its own here.
"""

from __future__ import annotations

from importlib.metadata import version

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None

_SCHEMA_OF = "3.10."


def upgrade() -> None:
    op.add_column("jobs", sa.Column("ticket", sa.BigInteger(), nullable=True))
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    from procrastinate.schema import SchemaManager

    from inference.persistence.tickets import defer_all

    installed = version("procrastinate")
    if not installed.startswith(_SCHEMA_OF):
        raise RuntimeError(f"needs Procrastinate {_SCHEMA_OF}x; {installed} is installed")
    # By the driver itself: it is many statements, with signs that would be parameters.
    driver = bind.connection.driver_connection
    assert driver is not None
    driver.execute(SchemaManager.get_schema())
    defer_all(bind)


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("ticket")
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        bind.execute(sa.text(_DROP))


_DROP = """
DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'procrastinate%' LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', each.relname);
    END LOOP;
    FOR each IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate%' LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', each.name);
    END LOOP;
    FOR each IN SELECT typname FROM pg_type
        WHERE typname LIKE 'procrastinate%' AND typtype IN ('e', 'c') LOOP
        EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', each.typname);
    END LOOP;
END $$
"""
