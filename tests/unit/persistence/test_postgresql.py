"""What is special to PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from inference.domain.catalog import Condition, Field, Level, Search
from inference.domain.errors import RepositoryUnavailable
from inference.domain.matching import AnyOf, Like
from inference.domain.reading import ReadingQuery
from inference.persistence import postgresql as module
from inference.persistence.catalog import SqlCatalog
from inference.persistence.engine import Database
from inference.persistence.index import SqlIndex
from inference.persistence.migrate import check, migrate
from inference.persistence.reading import SqlReadingList
from tests.contracts.repositories import QUIET, T0, make_instance
from tests.support.postgresql import PostgresqlServer


@pytest.fixture
def database(postgresql_database: Database) -> Database:
    return postgresql_database


def test_several_processes_may_migrate_at_once(postgresql: PostgresqlServer) -> None:
    name = postgresql.create()
    databases = [Database(postgresql.url(name)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, databases))
    check(databases[0])
    for each in databases:
        each.close()
    postgresql.drop(name)


def test_a_session_never_holds_locks_without_end(database: Database) -> None:
    with database.reading() as connection:
        for name, value in (
            ("TimeZone", "UTC"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("transaction_isolation", "repeatable read"),
            ("transaction_read_only", "on"),
        ):
            assert connection.scalar(text(f"SHOW {name}")) == value
    with database.writing() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_a_lock_is_waited_for_and_then_reported(
    postgresql: PostgresqlServer, postgresql_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SESSION", "SET lock_timeout = '50ms'")
    database = Database(postgresql.url(postgresql_name))
    index = SqlIndex(database)
    index.add(make_instance("1.1"), T0, QUIET)
    with database.writing() as connection:
        connection.execute(text("SELECT * FROM studies FOR UPDATE"))
        with pytest.raises(RepositoryUnavailable, match="lock timeout"):
            index.add(make_instance("1.2"), T0, QUIET)
        assert index.find("1.1") is not None  # readers do not wait
    index.add(make_instance("1.2"), T0, QUIET)
    database.close()


def test_two_who_wait_for_each_other_are_told(database: Database) -> None:
    index = SqlIndex(database)
    for study in ("1", "2"):
        index.add(make_instance(f"{study}.1", study=study), T0, QUIET)
    lock = text("SELECT * FROM studies WHERE study_instance_uid = :uid FOR UPDATE")

    def in_turn(first: str, second: str, begun: Callable[[], object]) -> str:
        try:
            with database.writing() as connection:
                connection.execute(lock, {"uid": first})
                begun()
                connection.execute(lock, {"uid": second})
        except RepositoryUnavailable as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        both = Barrier(2)
        answers = [
            pool.submit(in_turn, "1", "2", both.wait),
            pool.submit(in_turn, "2", "1", both.wait),
        ]
        told = sorted(each.result() for each in answers)
    assert told[0] == ""
    assert "deadlock" in told[1]


def test_a_connection_that_broke_is_opened_again(
    postgresql: PostgresqlServer, postgresql_name: str, database: Database
) -> None:
    index = SqlIndex(database)
    index.add(make_instance("1.1"), T0, QUIET)
    cut = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{postgresql_name}'"
    )

    def break_off() -> None:
        with database.writing() as connection:
            postgresql.execute(cut)
            connection.execute(text("SELECT 1"))

    with pytest.raises(RepositoryUnavailable):
        break_off()
    index.add(make_instance("1.2"), T0, QUIET)
    postgresql.execute(cut)
    assert index.find("1.2") is not None
    database.ping()


def test_a_server_that_is_away_is_reported_without_its_password(
    postgresql: PostgresqlServer,
) -> None:
    for url in (
        f"postgresql://ann:hush@/nowhere?host={postgresql.directory}",
        "postgresql://ann:hush@127.0.0.1:1/wetread",
    ):
        database = Database(url)
        with pytest.raises(RepositoryUnavailable) as caught:
            database.ping()
        assert "hush" not in f"{caught.value} {caught.value.__cause__}"
        database.close()
    with pytest.raises(ValueError, match="not the URL") as refused:
        Database("ann:hush@127.0.0.1")
    assert "hush" not in str(refused.value)


def test_a_reader_changes_nothing(postgresql: PostgresqlServer, postgresql_name: str) -> None:
    reader = Database(postgresql.url(postgresql_name), read_only=True)
    check(reader)
    assert not SqlIndex(reader).account().problems
    with pytest.raises(RepositoryUnavailable, match="read-only"):
        SqlIndex(reader).add(make_instance("1.1"), T0, QUIET)
    reader.close()


@pytest.mark.parametrize("hostile", ["a\0b", "\udce4", "%_\\", "'; --"])
def test_no_text_that_somebody_looks_for_breaks_a_query(database: Database, hostile: str) -> None:
    catalog = SqlCatalog(database)
    SqlIndex(database).add(make_instance("1.1", patient_id="P1"), T0, QUIET)
    for field in (Field.PATIENT_NAME, Field.PATIENT_ID, Field.STUDY_DESCRIPTION):
        for match in (AnyOf((hostile,)), Like(f"{hostile}*")):
            assert catalog.search(Search(Level.STUDY, (Condition(field, match),))) == ()
    assert SqlReadingList(database).read(ReadingQuery(text=hostile)).readings == ()


def test_numbers_that_are_none_come_back(database: Database) -> None:
    instance = make_instance("1.1", patient_age_years=float("inf"))
    index = SqlIndex(database)
    index.add(instance, T0, QUIET)
    assert index.find("1.1") == instance
