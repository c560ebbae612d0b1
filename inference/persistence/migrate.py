"""Brings a database to the tables of this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database


def migrate(database: Database) -> None:
    """Run the migrations that are missing, all in one transaction.

    Raises `RepositoryUnavailable`, also where a newer version has migrated the database.
    """
    config = _config()
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise RepositoryUnavailable(
                f"The database belongs to another version of Wetread: {error}"
            ) from error


def check(database: Database) -> None:
    """Raise `RepositoryUnavailable` unless the database has the tables of this version."""
    with database.reading() as connection:
        held = MigrationContext.configure(connection).get_current_revision()
    if held != ScriptDirectory.from_config(_config()).get_current_head():
        raise RepositoryUnavailable(
            "The database belongs to another version of Wetread. If it is an older one, "
            "`wetread serve` of this version brings it up to date."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    return config
