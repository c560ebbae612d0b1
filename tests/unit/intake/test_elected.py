"""One runs at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inference.fakes.leadership import FixedLeadership
from inference.intake import elected
from inference.intake.elected import Elected
from tests.support.programs import wait_for


class Feed:
    name = "feed"

    def __init__(self) -> None:
        self.alive = False

    def start(self) -> None:
        self.alive = True

    def stop(self) -> None:
        self.alive = False


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elected, "_PAUSE", 0.01)


@pytest.fixture
def made() -> list[Feed]:
    return []


@pytest.fixture
def leadership() -> FixedLeadership:
    return FixedLeadership()


@pytest.fixture
def service(made: list[Feed], leadership: FixedLeadership) -> Iterator[Elected]:
    def make() -> Feed:
        made.append(Feed())
        return made[-1]

    service = Elected("feed", make, leadership)
    yield service
    service.stop()


def test_who_is_elected_runs_until_it_is_stopped(
    service: Elected, made: list[Feed], leadership: FixedLeadership
) -> None:
    service.start()
    wait_for(lambda: service.leads, "elected")
    assert made[0].alive
    assert service.alive
    service.stop()
    assert not made[0].alive
    assert not leadership.has


def test_who_is_not_elected_waits_and_is_well(
    service: Elected, made: list[Feed], leadership: FixedLeadership
) -> None:
    leadership.may = False
    service.start()
    assert service.alive
    assert made == []
    leadership.may = True
    wait_for(lambda: service.leads, "elected")


def test_who_loses_the_right_stops_and_begins_anew(
    service: Elected, made: list[Feed], leadership: FixedLeadership
) -> None:
    service.start()
    wait_for(lambda: service.leads, "elected")
    leadership.may = False
    wait_for(lambda: not service.leads, "resigned")
    assert not made[0].alive
    leadership.may = True
    wait_for(lambda: service.leads, "elected again")
    assert len(made) == 2


def test_what_ended_by_itself_is_told(service: Elected, made: list[Feed]) -> None:
    service.start()
    wait_for(lambda: service.leads, "elected")
    made[0].alive = False
    assert not service.alive
