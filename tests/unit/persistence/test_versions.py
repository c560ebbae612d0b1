"""Databases of every older version, on SQLite and on PostgreSQL, keep what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from inference.domain.catalog import Condition, Field, Level, Search
from inference.domain.job import JobState
from inference.domain.matching import AnyOf
from inference.domain.reading import ReadingQuery
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.migrate import check, migrate, newest, revisions
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
from inference.persistence.queue import SqlJobQueue
from inference.persistence.tables import metadata
from inference.persistence.tickets import defer_all
from tests.contracts.repositories import LEASE, T0, make_instance, make_request
from tests.support.old_rows import NOW, STUDY, fill
from tests.support.postgresql import PostgresqlServer
from tests.unit.persistence.conftest import repositories_on


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Procrastinate's tables are its own."""
    return kind != "table" or not str(name).startswith("procrastinate")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One without any table."""
    if request.param == "sqlite":
        database = Database(sqlite_url(tmp_path / "wetread.db"))
        yield database
        database.close()
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    name = server.create()
    database = Database(server.url(name))
    yield database
    database.close()
    server.drop(name)


def test_the_last_file_of_the_migrations_is_the_last_of_their_chain() -> None:
    assert newest() == revisions()[-1]


@pytest.mark.parametrize("revision", revisions())
def test_a_filled_database_of_each_version_keeps_everything(
    empty_database: Database, revision: str
) -> None:
    database = empty_database
    migrate(database, revision)
    with database.writing() as connection:
        fill(connection)
        if not database.is_sqlite and revision >= "0009":
            defer_all(connection)
    migrate(database)
    check(database)
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_ours}
        )
        assert compare_metadata(context, metadata) == []

    stores = repositories_on(database)
    assert not stores.index.account().problems
    held = stores.index.find("1.1")
    assert held is not None
    assert held.attributes.patient_name == "Doe^Jané"
    late, done = stores.queue.jobs()
    assert (done.state, late.state) == (JobState.DONE, JobState.RUNNING)
    ((_, result),) = stores.results.of_study(STUDY)
    assert [each.certainty for each in result.findings] == [0.75]
    assert [each.sop_instance_uid for each in result.objects] == ["2.25.1"]
    (delivery,) = stores.outbox.deliveries()
    assert delivery.destination == "pacs"
    assert stores.cursors.cursor("orthanc:pacs") == 42
    (reading,) = stores.reading.read(ReadingQuery()).readings
    assert reading.study.study_instance_uid == STUDY
    for level, uids in (
        (Level.STUDY, [STUDY]),
        (Level.SERIES, [f"{STUDY}.1", "2.25.2"]),
        (Level.INSTANCE, ["1.1", "2.25.1"]),
    ):
        field = (Field.STUDY_INSTANCE_UID, Field.SERIES_INSTANCE_UID, Field.SOP_INSTANCE_UID)
        found = stores.catalog.search(Search(level))
        assert [each.text(field[list(Level).index(level)]) for each in found] == uids
    named = Condition(Field.PATIENT_NAME, AnyOf(("doe^jane",)))
    assert len(stores.catalog.search(Search(Level.STUDY, (named,)))) == 1

    # Whoever left the running Job lost it; with its ticket, it is taken again.
    queue = SqlJobQueue(database) if database.is_sqlite else ProcrastinateJobQueue(database)
    lease = queue.claim("w", NOW + LEASE, LEASE)
    assert lease is not None
    assert lease.job.job_id == late.job_id

    # It goes on from there, with numbers of its own.
    stores.index.add(make_instance("1.9"), T0, T0 - T0)
    stores.queue.enqueue([make_request(revision=2)], T0)
    assert [each.job_id for each in stores.queue.jobs()] == [3, 2, 1]


def test_what_is_sorted_is_sorted_by_bytes(postgresql_database: Database) -> None:
    with postgresql_database.reading() as connection:
        sorted_otherwise = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND collation_name IS DISTINCT FROM 'C'"
            " AND data_type IN ('text', 'character varying')"
            " AND table_name <> 'alembic_version' AND table_name NOT LIKE 'procrastinate%%'"
        ).all()
    assert sorted_otherwise == []
