"""Brings a database to the tables of this version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database
from inference.persistence.schema import metadata

if TYPE_CHECKING:  # slow to import, and most databases have the tables of this version already
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_HEAD = "head"

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


def migrate(database: Database, revision: str = _HEAD) -> None:
    """Run the migrations that are missing, all in one transaction.

    Several processes may ask for it at once. Raises `RepositoryUnavailable`, also where a
    newer version has migrated the database.
    """
    wanted = newest() if revision == _HEAD else revision
    if database.is_sqlite and current(database) == wanted:
        return
    with database.migrating() as connection:
        if _current(connection) != wanted:
            _upgrade(connection, revision)
        if not database.is_sqlite:
            _sort_by_bytes(connection)


def revisions() -> Sequence[str]:
    """Return every revision of the tables, the first one first."""
    from alembic.script import ScriptDirectory

    return [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def newest() -> str:
    """Return the revision of this version, which the last file has in its name."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("r[0-9]*.py"))


def current(database: Database) -> str | None:
    """Return the revision of the tables that the database has; None without any."""
    with database.reading() as connection:
        return _current(connection)


def check(database: Database) -> None:
    """Raise `RepositoryUnavailable` unless the database has the tables of this version."""
    found = current(database)
    if found is None:
        raise RepositoryUnavailable(
            "The database has no tables of Wetread yet: `wetread migrate` or `wetread serve` "
            "makes them."
        )
    if found > newest():
        raise _newer(found)
    if found < newest():
        raise RepositoryUnavailable(
            "The database belongs to another version of Wetread, an older one: "
            "`wetread migrate` or `wetread serve` of this version brings it up to date."
        )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.util import CommandError

    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise _newer(_current(connection) or "none") from error


def _newer(found: str) -> RepositoryUnavailable:
    return RepositoryUnavailable(
        "The database belongs to another version of Wetread, a newer one: its tables have "
        f"revision {found}, those of this version {newest()}. Use that version, or restore the "
        "backup that was made before it."
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
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
