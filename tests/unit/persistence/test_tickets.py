"""Tickets come and go with their Jobs."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from inference.domain.instance import Priority
from inference.domain.job import ModelId
from inference.persistence.engine import Database
from tests.contracts.repositories import (
    LEASE,
    T0,
    Repositories,
    at,
    make_failure,
    make_request,
    make_result,
)
from tests.unit.persistence.conftest import repositories_on


@pytest.fixture
def database(postgresql_database: Database) -> Database:
    return postgresql_database


@pytest.fixture
def stores(database: Database) -> Repositories:
    return repositories_on(database)


def held(database: Database) -> list[str]:
    """Return the state of every ticket."""
    with database.reading() as connection:
        return list(
            connection.scalars(text("SELECT status::text FROM procrastinate_jobs ORDER BY id"))
        )


def test_a_ticket_is_made_in_the_transaction_that_makes_the_study_stable(
    stores: Repositories, database: Database
) -> None:
    study = stores.receive()
    # The second request is of a Study that is not there, which a foreign key refuses.
    requests = [make_request(), make_request(study_instance_uid="9.9")]
    with pytest.raises(IntegrityError):
        stores.index.close_revision(study, requests, T0)
    assert held(database) == []
    assert stores.index.close_revision(study, requests[:1], T0)
    assert held(database) == ["todo"]


def test_nothing_is_left_of_what_has_ended(stores: Repositories, database: Database) -> None:
    stores.receive()
    for name in ("good", "bad"):
        stores.queue.enqueue([make_request(model=ModelId(name, "1"))], T0)
    good, bad = stores.claim(), stores.claim()
    assert held(database) == ["doing", "doing"]
    stores.results.record(good, make_result(model=good.job.request.model), [])
    stores.results.record(bad, make_failure(model=bad.job.request.model), [])
    assert held(database) == []
    assert stores.queue.replay(bad.job.job_id, at(1))
    assert held(database) == ["todo"]
    assert stores.claim(2).job.job_id == bad.job.job_id
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM procrastinate_events")) == 2


def test_who_lives_after_all_keeps_what_another_could_have_taken(
    stores: Repositories, database: Database
) -> None:
    stores.receive()
    stores.queue.enqueue([make_request()], T0)
    stores.queue.enqueue([make_request(revision=2, priority=Priority.HIGH)], T0)
    slow, other = stores.claim(), stores.claim()
    # Both leases have run out. One of the Jobs is taken over, the other's worker comes back.
    assert stores.claim(61, worker="new").job.job_id == slow.job.job_id
    back = stores.queue.extend(other, at(62), LEASE)
    assert stores.queue.claim("new", at(63), LEASE) is None
    stores.queue.retry(back, "no memory", at(100))
    assert stores.queue.claim("new", at(99), LEASE) is None
    assert stores.claim(100).job.job_id == other.job.job_id
