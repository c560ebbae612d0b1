"""Tickets come and go with their Jobs."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from inference.domain.instance import Priority
from inference.domain.job import ModelId
from inference.persistence.engine import Database
from inference.persistence.procrastinate_queue import ProcrastinateJobQueue
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


def test_a_worker_whose_clock_is_behind_that_of_the_database_loses_no_job(
    stores: Repositories, database: Database
) -> None:
    stores.receive()
    for revision, seconds in ((1, 5), (2, 6)):
        stores.queue.enqueue([make_request(revision=revision)], at(seconds))
    queue = ProcrastinateJobQueue(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE clock.time SET at = :at"), {"at": at(10)})
    assert queue.claim("behind", at(4), LEASE) is None
    assert held(database) == ["todo", "todo"]
    for seconds, revision in ((5, 1), (6, 2)):
        lease = queue.claim("behind", at(seconds), LEASE)
        assert lease is not None
        assert lease.job.request.revision == revision


def test_a_job_that_somebody_only_refers_to_can_be_taken(
    stores: Repositories, database: Database
) -> None:
    stores.receive()
    stores.queue.enqueue([make_request()], T0)
    with database.engine.begin() as connection:
        # As PostgreSQL does for who inserts a row with a foreign key, a workitem for one.
        connection.execute(text("SELECT job_id FROM jobs FOR KEY SHARE"))
        assert stores.claim().job.request == make_request()


def test_a_job_whose_ticket_was_lost_once_comes_back(
    stores: Repositories, database: Database
) -> None:
    stores.receive()
    stores.queue.enqueue([make_request()], T0)
    with database.writing() as connection:
        connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert stores.queue.claim("idle", at(1), LEASE) is None
    assert stores.claim(2).job.request == make_request()
