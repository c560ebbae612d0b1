"""Databases for tests, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from inference.domain.job import Lease
from inference.persistence.catalog import SqlCatalog
from inference.persistence.census import SqlCensusTaker
from inference.persistence.cursors import SqlCursors
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.events import SqlEvents
from inference.persistence.incidents import SqlIncidents
from inference.persistence.index import SqlIndex
from inference.persistence.listing import SqlListing
from inference.persistence.migrate import migrate
from inference.persistence.outbox import SqlOutbox
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
from inference.persistence.queue import SqlJobQueue
from inference.persistence.reading import SqlReadingList
from inference.persistence.removals import SqlRemovals
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
    postgresql.execute(_CLOCK, name)
    return name


def with_clock(server: PostgresqlServer, template: str) -> str:
    """Create a database whose `now()` is the test's."""
    name = server.create(template)
    server.execute(f"ALTER DATABASE {name} SET search_path = public, clock, pg_catalog")
    return name


@pytest.fixture
def postgresql_name(postgresql: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    name = with_clock(postgresql, postgresql_template)
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


class ClockedQueue(ProcrastinateJobQueue):
    """Procrastinate asks its database for the time. Here that is the test's."""

    def claim(self, worker: str, now: datetime, lease: timedelta) -> Lease | None:
        with self._database.writing() as connection:
            connection.execute(text("UPDATE clock.time SET at = :at"), {"at": now})
        return super().claim(worker, now, lease)


# Functions find `now` along the search path, in which the system's own would go first.
_CLOCK = """
CREATE SCHEMA clock;
CREATE TABLE clock.time (at timestamptz NOT NULL);
INSERT INTO clock.time VALUES ('2026-01-01');
CREATE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT at FROM clock.time';
"""


def repositories_on(database: Database) -> Repositories:
    return Repositories(
        SqlIndex(database),
        SqlJobQueue(database) if database.is_sqlite else ClockedQueue(database),
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
        SqlCensusTaker(database),
        SqlRemovals(database),
        SqlIncidents(database),
    )
