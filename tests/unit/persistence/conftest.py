"""Databases for tests, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.persistence.catalog import SqlCatalog
from inference.persistence.cursors import SqlCursors
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.events import SqlEvents
from inference.persistence.index import SqlIndex
from inference.persistence.listing import SqlListing
from inference.persistence.migrate import migrate
from inference.persistence.outbox import SqlOutbox
from inference.persistence.queue import SqlJobQueue
from inference.persistence.reading import SqlReadingList
from inference.persistence.results import SqlResults
from inference.persistence.reviews import SqlReviews
from inference.persistence.rollouts import SqlRollouts
from inference.persistence.workitems import SqlWorkitems
from tests.contracts.repositories import Repositories
from tests.support.postgresql import PostgresqlServer


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "wetread.db"
    database = Database(sqlite_url(path))
    migrate(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgresqlServer) -> str:
    name = postgresql.create()
    database = Database(postgresql.url(name))
    migrate(database)
    database.close()
    return name


@pytest.fixture
def postgresql_name(postgresql: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    name = postgresql.create(postgresql_template)
    yield name
    postgresql.drop(name)


@pytest.fixture
def postgresql_database(postgresql: PostgresqlServer, postgresql_name: str) -> Iterator[Database]:
    database = Database(postgresql.url(postgresql_name))
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> Database:
    """Each of the two, one after the other."""
    name = "database" if request.param == "sqlite" else "postgresql_database"
    found: Database = request.getfixturevalue(name)
    return found


@pytest.fixture
def database_path(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "wetread.db"))


@pytest.fixture
def database(database_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(database_path))
    yield database
    database.close()


def repositories_on(database: Database) -> Repositories:
    return Repositories(
        SqlIndex(database),
        SqlJobQueue(database),
        SqlResults(database),
        SqlOutbox(database),
        SqlCursors(database),
        SqlRollouts(database),
        SqlCatalog(database),
        SqlReviews(database),
        SqlReadingList(database),
        SqlListing(database),
        SqlWorkitems(database),
        SqlEvents(database),
    )
