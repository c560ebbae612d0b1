"""The migrations and the tables come to the same, from nothing and from every old file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from inference.domain.errors import RepositoryUnavailable
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import migrate
from inference.persistence.tables import metadata
from tests.contracts.repositories import QUIET, T0, make_instance

# A file as the first version left it, with one Study in it.
FIRST = Path(__file__).parent / "first.sql"


def test_the_migrations_make_the_tables(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    index = SqlIndex(database)
    index.add(make_instance("1.1"), T0, QUIET)
    migrate(database)
    assert index.find("1.1") == make_instance("1.1")


def test_a_file_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "wetread.db"
    old = sqlite3.connect(path)
    old.executescript(FIRST.read_text())
    old.close()
    database = Database(sqlite_url(path))
    migrate(database)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    index = SqlIndex(database)
    assert index.find("1.1") == make_instance("1.1")
    (study,) = index.receiving()
    assert study.received_at == T0
    index.add(make_instance("1.2"), T0, QUIET)
    assert not index.account().problems
    database.close()


def test_a_file_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RepositoryUnavailable, match="another version"):
        migrate(database)
