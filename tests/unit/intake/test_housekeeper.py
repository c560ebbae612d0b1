"""What is too old goes, batch by batch, again and again."""

from __future__ import annotations

import logging
import threading

import pytest

from inference.domain.errors import RepositoryUnavailable
from inference.intake import housekeeper
from inference.intake.housekeeper import Housekeeper


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeper, "_BREATH", 0)


def test_each_chore_is_done_until_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    batches = [3, 3, 1]
    chores = {"events": lambda: batches.pop(0) if batches else 0, "files": lambda: 0}
    keeper = Housekeeper("housekeeping", chores)
    assert keeper.tick() == 7
    assert keeper.tick() == 0
    assert [each.message for each in caplog.records] == ["removed 7 events"]


def test_a_chore_that_fails_stops_no_other_and_is_tried_again() -> None:
    away = True

    def fail() -> int:
        nonlocal away
        if away:
            raise RepositoryUnavailable
        away = True
        return 1

    batches = [2]
    keeper = Housekeeper("housekeeping", {"a": fail, "b": lambda: batches.pop() if batches else 0})
    assert keeper.tick() == 2
    away = False
    assert keeper.tick() == 1


def test_it_looks_at_once_and_again_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeper, "_PAUSE", 0.01)
    seen, rounds = threading.Event(), 0

    def chore() -> int:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            seen.set()
        return 0

    keeper = Housekeeper("housekeeping", {"events": chore})
    assert not keeper.alive
    keeper.start()
    assert seen.wait(10)
    assert keeper.alive
    keeper.stop()
    assert not keeper.alive


def test_it_stops_between_two_batches() -> None:
    begun = threading.Event()

    def endless() -> int:
        begun.set()
        return 1

    keeper = Housekeeper("housekeeping", {"events": endless})
    keeper.start()
    assert begun.wait(10)
    keeper.stop()
    assert not keeper.alive
