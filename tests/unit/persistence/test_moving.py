"""All that SQLite holds goes to PostgreSQL, once, wherever it is broken off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from inference.domain.errors import MoveRefused
from inference.domain.job import ModelId
from inference.domain.workitem_search import WorkitemSearch
from inference.persistence import moving
from inference.persistence.engine import Database, sqlite_url
from inference.persistence.migrate import migrate
from inference.persistence.moving import move
from inference.persistence.schema import metadata
from tests.contracts import removals
from tests.contracts.repositories import (
    LEASE,
    QUIET,
    T0,
    Repositories,
    at,
    make_failure,
    make_instance,
    make_request,
    make_result,
)
from tests.contracts.workitems import make_workitem
from tests.support.old_rows import STUDY, fill
from tests.unit.persistence.conftest import repositories_on


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "old.db"))
    migrate(database)
    with database.writing() as connection:
        fill(connection)
    stores = repositories_on(database)
    for number in range(25):
        study = f"1.9.{number}"
        name = "山田^\0\udce4" if number == 3 else f"Doe^{number}"
        stores.index.add(make_instance(f"{study}.1", study=study, patient_name=name), T0, QUIET)
    stores.queue.enqueue([make_request(study_instance_uid="1.9.1", revision=1)], T0)
    lease = stores.queue.claim("w", at(1), LEASE)
    assert lease is not None
    stores.results.record(lease, make_failure(study_instance_uid="1.9.1"), ["pacs"])
    stores.queue.enqueue([make_request(study_instance_uid="1.9.2", model=ModelId("m", "1"))], T0)
    for number in (1, 2, 3):
        stores.workitems.add(make_workitem(number), ())
    yield database
    database.close()


@pytest.fixture
def new(postgresql_database: Database) -> Database:
    return postgresql_database


def everything(stores: Repositories) -> object:
    return (
        stores.index.account(),
        stores.index.studies(1000),
        [stores.index.instances(f"1.9.{number}") for number in range(25)],
        stores.queue.jobs(),
        stores.results.of_study(STUDY),
        stores.outbox.deliveries(),
        stores.cursors.cursor("orthanc:pacs"),
        stores.reviews.reviews(),
        stores.workitems.search(WorkitemSearch()),
    )


def test_everything_is_there_and_goes_on(old: Database, new: Database) -> None:
    told: list[tuple[str, int, int]] = []
    moved = move(old, new, lambda *progress: told.append(progress))
    assert {each.name for each in moved} == set(metadata.tables)
    rows = {each.name: each.rows for each in moved}
    assert rows["studies"] == 26
    assert ("studies", 26, 26) in told
    assert told[-1] == ("compared", len(moved), len(moved))
    before, after = repositories_on(old), repositories_on(new)
    assert everything(after) == everything(before)

    # What was to be done is done there, and numbers go on.
    waiting = {job.job_id for job in before.queue.jobs() if job.state in ("queued", "running")}
    leases = [after.queue.claim("w", at(1000), LEASE) for _ in waiting]
    assert {lease.job.job_id for lease in leases if lease} == waiting
    assert after.queue.claim("w", at(1000), LEASE) is None
    highest = max(job.job_id for job in before.queue.jobs())
    after.queue.enqueue([make_request(study_instance_uid="1.9.4")], T0)
    assert after.queue.jobs()[0].job_id == highest + 1
    after.results.record(after.claim(2000), make_result(study_instance_uid="1.9.4"), ["pacs"])


def test_events_that_were_pruned_stay_known_as_such(old: Database, new: Database) -> None:
    before, after = repositories_on(old), repositories_on(new)
    last = before.events.newest()
    while before.events.prune(at(0).replace(year=2100)):
        pass
    move(old, new)
    assert (after.events.newest(), after.events.pruned()) == (last, last)
    after.receive("7.7.7")
    (told,) = after.events.after(last)
    assert told.number == last + 1


def test_a_number_that_was_given_once_is_not_given_again(old: Database, new: Database) -> None:
    with old.writing() as connection:
        highest = connection.scalar(text("SELECT max(delivery_id) FROM deliveries"))
        connection.execute(text("DELETE FROM deliveries WHERE delivery_id = :id"), {"id": highest})
    move(old, new)
    stores = repositories_on(new)
    stores.queue.enqueue([make_request(study_instance_uid="1.9.5")], T0)
    lease = stores.queue.claim("w", at(1000), LEASE)
    while lease is not None and lease.job.request.study_instance_uid != "1.9.5":
        lease = stores.queue.claim("w", at(1000), LEASE)
    assert lease is not None
    stores.results.record(lease, make_result(study_instance_uid="1.9.5"), ["pacs"])
    assert stores.outbox.deliveries()[0].delivery_id == highest + 1


@pytest.mark.parametrize("table", ["studies", "jobs", "events"])
def test_a_move_that_was_broken_off_goes_on(
    old: Database, new: Database, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(moving, "_BATCH", 2)

    def break_off(name: str, done: int, total: int) -> None:
        if name == table and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(old, new, break_off)
    move(old, new)
    assert everything(repositories_on(new)) == everything(repositories_on(old))
    # And once more, when all is there.
    assert move(old, new) == move(old, new)


def test_a_database_that_is_in_use_is_left_alone(old: Database, new: Database) -> None:
    stores = repositories_on(new)
    stores.receive("7.7.7")
    with pytest.raises(MoveRefused, match="what does not come from here"):
        move(old, new)
    assert [each.study_instance_uid for each in stores.index.studies()] == ["7.7.7"]


def test_what_was_changed_in_between_is_found(old: Database, new: Database) -> None:
    move(old, new)
    with new.writing() as connection:
        connection.execute(
            text("UPDATE studies SET priority = 2 WHERE study_instance_uid = '1.9.7'")
        )
    with pytest.raises(MoveRefused, match="studies is not the same"):
        move(old, new)


def test_a_study_whose_images_were_removed_moves_too(database: Database, new: Database) -> None:
    stores = repositories_on(database)
    removals.finish(stores)
    removals.remove(stores)
    stores.removals.finish(stores.removals.unfinished(limit=1))
    move(database, new)
    moved = repositories_on(new)
    assert moved.index.account() == stores.index.account()
    assert moved.index.study(STUDY) == stores.index.study(STUDY)
    assert moved.removals.unfinished() == stores.removals.unfinished()
    again = make_instance(removals.ONE)
    moved.index.add(again, at(1), QUIET, removals=moved.index.removals(removals.ONE))
    assert moved.index.find(removals.ONE) == again
    assert not moved.index.account().problems
