"""What the database does when it cannot."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from inference.domain.errors import RepositoryUnavailable
from inference.persistence import engine
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.index import SqlIndex
from inference.persistence.queue import SqlJobQueue
from tests.contracts.repositories import QUIET, T0, make_instance, make_request


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10000)],
)
def test_sqlite_is_set_up_to_keep_promises(
    database: Database, pragma: str, value: str | int
) -> None:
    with database.reading() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_another_writer_is_waited_for_and_then_reported(
    database: Database, database_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT", 0.05)
    impatient = Database(sqlite_url(database_path))
    other = sqlite3.connect(database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RepositoryUnavailable, match="locked"):
        SqlIndex(impatient).add(make_instance("1.1"), T0, QUIET)
    assert SqlIndex(impatient).find("1.1") is None  # readers do not wait
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(SqlIndex(database).add, make_instance("1.1"), T0, QUIET)
        other.execute("ROLLBACK")
        assert patient.result() == "stored"
    impatient.close()
    other.close()


def test_a_thread_that_holds_the_lock_too_long_is_reported(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT", 0.05)
    with database.writing(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(SqlIndex(database).add, make_instance("1.1"), T0, QUIET)
        with pytest.raises(RepositoryUnavailable, match="busy"):
            waiting.result()
    SqlIndex(database).add(make_instance("1.1"), T0, QUIET)


def test_a_full_disk_keeps_what_was_acknowledged(database: Database) -> None:
    index = SqlIndex(database)
    with database.reading() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages + 8}"))
    added: list[int] = []

    def fill() -> None:
        for number in range(1000):
            index.add(make_instance(f"1.{number}"), T0, QUIET)
            added.append(number)

    with pytest.raises(RepositoryUnavailable, match="full") as caught:
        fill()
    assert added
    assert "Doe" not in f"{caught.value} {caught.value.__cause__}"
    study = index.study("1.2.3")
    assert study is not None
    assert study.instances == index.account().instances == len(added)


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "wetread.db"
    path.write_bytes(b"not a database, whatever its name says" * 100)
    database = Database(sqlite_url(path))
    with pytest.raises(RepositoryUnavailable):
        SqlIndex(database).account()
    database.close()


def test_a_closed_database_is_reported(database: Database) -> None:
    database.close()
    for use in (SqlIndex(database).account, lambda: SqlIndex(database).complete("1.1", T0)):
        with pytest.raises(RepositoryUnavailable, match="closed"):
            use()


def test_a_database_without_tables_is_reported(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "wetread.db"))
    with pytest.raises(RepositoryUnavailable, match="no such table"):
        SqlIndex(database).account()
    database.close()


def test_a_reader_creates_and_changes_nothing(tmp_path: Path, database_path: Path) -> None:
    missing = tmp_path / "missing.db"
    reader = Database(sqlite_url(missing), read_only=True)
    with pytest.raises(RepositoryUnavailable):
        SqlIndex(reader).account()
    assert not missing.exists()
    reader.close()

    reader = Database(sqlite_url(database_path), read_only=True)
    assert not SqlIndex(reader).account().problems
    with pytest.raises(RepositoryUnavailable, match="readonly"):
        SqlIndex(reader).add(make_instance("1.1"), T0, QUIET)
    reader.close()


def test_a_block_that_fails_leaves_nothing(any_database: Database) -> None:
    index = SqlIndex(any_database)
    index.add(make_instance("1.1"), T0, QUIET)
    study = index.study("1.2.3")
    assert study is not None
    # The second request is of a Study that is not there, which a foreign key refuses.
    requests = [make_request(), make_request(study_instance_uid="9.9")]
    with pytest.raises(IntegrityError):
        index.close_revision(study, requests, T0)
    assert index.study("1.2.3") == study
    assert SqlJobQueue(any_database).jobs() == ()
    assert index.account().revisions == 0


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "a b?c%20d#e.db"
    sqlite3.connect(path).close()
    path.touch()
    for read_only in (False, True):
        database = Database(sqlite_url(path), read_only=read_only)
        with database.reading() as connection:
            assert connection.scalar(text("SELECT file FROM pragma_database_list")) == str(path)
        database.close()
