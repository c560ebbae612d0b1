"""Machines whose clocks differ have one time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from inference.persistence.clock import DatabaseClock
from inference.persistence.engine import Database
from tests.support.postgresql import PostgresqlServer
from wetread.bootstrap import open_stores
from wetread.settings import Settings

AHEAD = timedelta(days=3)
MUCH_LESS = timedelta(days=1)  # however slow the machine is


class Counter:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def database(postgresql_database: Database) -> Database:
    """One whose clock is three days ahead of this machine's."""
    with postgresql_database.writing() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
                " AS $$ SELECT pg_catalog.clock_timestamp() + interval '3 days' $$"
            )
        )
    return postgresql_database


def off(clock: DatabaseClock) -> timedelta:
    """Return how far it is from the database's time."""
    return abs(clock.now() - datetime.now(UTC) - AHEAD)


def test_the_time_is_that_of_the_database_and_in_utc(database: Database) -> None:
    clock = DatabaseClock(database)
    assert off(clock) < MUCH_LESS
    assert clock.now().utcoffset() == timedelta(0)


def test_a_node_of_a_group_goes_by_that_time_and_one_alone_by_its_own(
    database: Database, postgresql: PostgresqlServer, postgresql_name: str, tmp_path: Path
) -> None:
    url = SecretStr(postgresql.url(postgresql_name))
    group = Settings(home=tmp_path, database_url=url, migrate_on_start=False)
    for settings, difference in ((group, AHEAD), (Settings(home=tmp_path / "own"), timedelta(0))):
        stores = open_stores(settings)
        try:
            assert abs(stores.clock.now() - datetime.now(UTC) - difference) < MUCH_LESS
        finally:
            stores.close()


def test_the_seconds_between_two_looks_are_counted(database: Database, counter: Counter) -> None:
    clock = DatabaseClock(database, counter)
    before = clock.now()
    counter.seconds += 59
    assert clock.now() - before == timedelta(seconds=59)


def test_a_clock_that_is_set_is_noticed_within_a_minute(
    database: Database, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    clock = DatabaseClock(database, counter)
    assert off(clock) < MUCH_LESS
    assert "this machine's clock is off by 259" in caplog.text  # thousand seconds
    with database.writing() as connection:
        connection.execute(text("DROP FUNCTION clock.clock_timestamp()"))
    assert off(clock) < MUCH_LESS
    counter.seconds += 60
    assert off(clock) > MUCH_LESS


def test_the_time_goes_on_while_the_database_is_away(database: Database, counter: Counter) -> None:
    clock = DatabaseClock(database, counter)
    before = clock.now()
    database.close()
    for _ in range(3):
        counter.seconds += 100
        clock.now()
    assert clock.now() - before == timedelta(seconds=300)


def test_where_the_database_was_never_there_the_time_is_this_machine_s(
    database: Database,
) -> None:
    database.close()
    assert abs(DatabaseClock(database).now() - datetime.now(UTC)) < MUCH_LESS
