"""Listeners hear everything in order, or that something is gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from inference.domain.event import Event, EventKind
from inference.fakes.memory import MemoryEvents, MemoryStore
from wetread.web.api import feed as module
from wetread.web.api.feed import Feed, Gap

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)

Heard = Gap | list[int]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def tell(store: MemoryStore, count: int) -> None:
    for _ in range(count):
        store.tell(Event(EventKind.STUDY_STABLE, "1.2.3"), NOW)


def hear(
    store: MemoryStore, after: int, count: int, then: Callable[[int], None] = lambda number: None
) -> list[Heard]:
    """Return what a listener hears first; `then` is called after each, with how many it was."""

    async def listen() -> list[Heard]:
        closing = threading.Event()
        listener = Feed(lambda: MemoryEvents(store), closing).listen(after)
        heard: list[Heard] = []
        async for each in listener:
            if each:
                heard.append(each if isinstance(each, Gap) else _numbers(each))
                then(len(heard))
            if len(heard) == count:
                closing.set()
        return heard

    return asyncio.run(asyncio.wait_for(listen(), 20))


def _numbers(events: Sequence[Event]) -> list[int]:
    return [each.number for each in events]


def test_what_was_pruned_is_told_once_and_then_what_is_kept(store: MemoryStore) -> None:
    tell(store, 5)
    MemoryEvents(store).prune(LATER, limit=3)
    assert hear(store, 1, 2) == [Gap(3, 4), [4, 5]]
    assert hear(store, 0, 2) == [Gap(3, 4), [4, 5]]


def test_who_knows_the_last_that_is_gone_has_missed_nothing(store: MemoryStore) -> None:
    tell(store, 5)
    MemoryEvents(store).prune(LATER, limit=3)
    assert hear(store, 3, 1) == [[4, 5]]


def test_where_all_are_gone_the_next_one_follows_the_gap(store: MemoryStore) -> None:
    tell(store, 5)
    MemoryEvents(store).prune(LATER)
    assert hear(store, 2, 2, lambda number: tell(store, 1) if number == 1 else None) == [
        Gap(5, None),
        [6],
    ]


def test_numbers_that_nobody_ever_had_are_no_gap(store: MemoryStore) -> None:
    tell(store, 2)
    store.last_event = 7  # drawn, and rolled back
    tell(store, 1)
    assert hear(store, 2, 1) == [[8]]
    MemoryEvents(store).prune(LATER, limit=2)
    assert hear(store, 2, 1) == [[8]]


def test_what_goes_while_one_listens_is_told(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    monkeypatch.setattr(module, "_KEPT", 0)
    tell(store, 8)

    def prune(number: int) -> None:
        if number == 1:
            MemoryEvents(store).prune(LATER, limit=5)

    assert hear(store, 0, 4, prune) == [[1, 2], Gap(5, 6), [6, 7], [8]]


def test_a_database_that_is_away_for_a_moment_hides_no_gap(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT", 0.01)
    tell(store, 5)
    events = MemoryEvents(store)
    events.prune(LATER, limit=3)
    store.unavailable = True
    looked = 0

    class Away(MemoryEvents):
        def pruned(self) -> int:
            nonlocal looked
            looked += 1
            store.unavailable = looked < 3
            return super().pruned()

        def after(self, number: int, limit: int = 1000) -> Sequence[Event]:
            return tuple(each for each in store.events if each.number > number)[:limit]

    async def listen() -> list[Heard]:
        heard: list[Heard] = []
        async for each in Feed(lambda: Away(store), threading.Event()).listen(1):
            if each:
                heard.append(each if isinstance(each, Gap) else _numbers(each))
            if len(heard) == 2:
                return heard
        raise AssertionError("it ended")

    assert asyncio.run(asyncio.wait_for(listen(), 20)) == [Gap(3, 4), [4, 5]]
