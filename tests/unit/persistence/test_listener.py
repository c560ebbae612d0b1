"""Who waits for Jobs or for Deliveries is told of them when they are committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from inference.persistence import outbox, tickets
from inference.persistence.engine import Database
from inference.persistence.listener import Listener
from tests.contracts.repositories import LEASE, Repositories, at, make_result
from tests.support.postgresql import PostgresqlServer
from tests.unit.persistence.conftest import repositories_on


@pytest.fixture
def stores(postgresql_database: Database) -> Repositories:
    return repositories_on(postgresql_database)


@contextmanager
def listening(database: Database, channel: str) -> Iterator[Event]:
    event = Event()
    listener = Listener(database, {channel: event.set})
    listener.start()
    try:
        assert event.wait(10)  # once at the beginning, since something may have been told before
        event.clear()
        yield event
        assert listener.alive
    finally:
        listener.stop()
    assert not listener.alive


@pytest.fixture
def told(postgresql_database: Database) -> Iterator[Event]:
    with listening(postgresql_database, tickets.CHANNEL) as event:
        yield event


def test_who_listens_is_told_of_a_job(stores: Repositories, told: Event) -> None:
    stores.enqueue()
    assert told.wait(10)


def test_who_listens_is_told_again_after_the_connection_broke(
    postgresql: PostgresqlServer, postgresql_name: str, stores: Repositories, told: Event
) -> None:
    postgresql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{postgresql_name}'"
    )
    assert told.wait(20)
    told.clear()
    stores.enqueue()
    assert told.wait(10)


def test_who_listens_is_told_of_a_delivery_and_of_one_that_is_replayed(
    stores: Repositories, postgresql_database: Database
) -> None:
    stores.enqueue()
    with listening(postgresql_database, outbox.CHANNEL) as told:
        stores.results.record(stores.claim(), make_result(), ["pacs"])
        assert told.wait(10)
        told.clear()
        delivery = stores.outbox.claim(at(5), LEASE)
        assert delivery is not None
        stores.outbox.fail(delivery, "refused")
        assert stores.outbox.replay(delivery.delivery_id, at(6))
        assert told.wait(10)
