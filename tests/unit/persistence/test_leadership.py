"""The lock of the database lets one process through."""

from __future__ import annotations

from inference.persistence.engine import Database
from inference.persistence.leadership import SqlLeadership
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import wait_for


def test_one_of_two_leads(postgresql: PostgresqlServer, postgresql_name: str) -> None:
    databases = [Database(postgresql.url(postgresql_name)) for _ in range(2)]
    first, second = (SqlLeadership(each, "feed") for each in databases)
    other = SqlLeadership(databases[1], "another")
    assert first.acquire()
    assert first.acquire()
    assert first.held()
    assert not second.acquire()
    assert not second.held()
    assert other.acquire()
    first.release()
    wait_for(second.acquire, "the second leads")
    assert not first.held()
    assert not first.acquire()
    second.release()
    other.release()
    for each in databases:
        each.close()


def test_who_loses_the_connection_leads_no_more(
    postgresql: PostgresqlServer, postgresql_name: str
) -> None:
    databases = [Database(postgresql.url(postgresql_name)) for _ in range(2)]
    first, second = (SqlLeadership(each, "feed") for each in databases)
    assert first.acquire()
    postgresql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{postgresql_name}'"
    )
    assert not first.held()
    assert second.acquire()
    assert not first.acquire()
    for each in (first, second):
        each.release()
    for each in databases:
        each.close()


def test_the_embedded_form_leads(database: Database) -> None:
    leadership = SqlLeadership(database, "feed")
    assert leadership.acquire()
    assert leadership.held()
    leadership.release()
