"""How old an event is, the database says."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from inference.persistence.engine import Database
from inference.persistence.events import events
from tests.contracts.repositories import T0
from tests.unit.persistence.conftest import repositories_on


def test_events_are_pruned_by_their_age(any_database: Database) -> None:
    stores = repositories_on(any_database)
    for study in ("1", "2", "3", "4"):
        stores.receive(study)
    numbers = [each.number for each in stores.events.after(0)]
    # The third has the time of a transaction that began early and was committed late.
    with any_database.writing() as connection:
        for number, days in zip(numbers, (0, 1, 0, 3), strict=True):
            age = {"occurred_at": T0 + timedelta(days=days)}
            connection.execute(update(events).where(events.c.number == number).values(age))
    assert stores.events.prune(T0) == 0
    assert stores.events.prune(T0 + timedelta(days=1)) == 1
    assert stores.events.prune(T0 + timedelta(days=2)) == 2
    assert [each.number for each in stores.events.after(0)] == numbers[3:]
    assert stores.events.pruned() == numbers[2]
