"""Brings a database to the tables of this version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database
from inference.persistence.schema import metadata

_SORTED_OTHERWISE = text(
    """
    SELECT class.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod)
    FROM pg_attribute attribute
    JOIN pg_class class ON class.oid = attribute.attrelid
    JOIN pg_collation ordering ON ordering.oid = attribute.attcollation
    WHERE class.relkind = 'r' AND class.relnamespace = current_schema()::regnamespace
      AND class.relname = ANY(:tables) AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND ordering.collname <> 'C'
    """
)


def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing, all in one transaction.

    Several processes may ask for it at once. Raises `RepositoryUnavailable`, also where a
    newer version has migrated the database.
    """
    config = _config()
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise RepositoryUnavailable(
                f"The database belongs to another version of Wetread: {error}"
            ) from error
        if not database.is_sqlite:
            _sort_by_bytes(connection)


def revisions() -> Sequence[str]:
    """Return every revision of the tables, the first one first."""
    return [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def current(database: Database) -> str | None:
    """Return the revision of the tables that the database has; None without any."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check(database: Database) -> None:
    """Raise `RepositoryUnavailable` unless the database has the tables of this version."""
    if current(database) != ScriptDirectory.from_config(_config()).get_current_head():
        raise RepositoryUnavailable(
            "The database belongs to another version of Wetread. If it is an older one, "
            "`wetread migrate` or `wetread serve` of this version brings it up to date."
        )


def _sort_by_bytes(connection: Connection) -> None:
    """Let every column of text compare as SQLite's do, whatever language the database has.

    UIDs and keys have no language, and an index on one breaks when the system's libraries
    sort otherwise after an upgrade.
    """
    columns = connection.execute(_SORTED_OTHERWISE, {"tables": list(metadata.tables)})
    changes: dict[str, list[str]] = {}
    for table, column, kind in columns:
        changes.setdefault(table, []).append(f'ALTER "{column}" TYPE {kind} COLLATE "C"')
    for table, alterations in changes.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(alterations)}')


def _config() -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    return config
