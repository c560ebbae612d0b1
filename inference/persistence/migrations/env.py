"""Run by Alembic; the transaction belongs to `inference.persistence.migrate`."""

from __future__ import annotations

from alembic import context

from inference.persistence.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
