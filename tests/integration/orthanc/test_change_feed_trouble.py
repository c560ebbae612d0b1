"""The feed when something fails, against a real Orthanc."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from inference.domain.errors import ConflictingInstance, OutOfSpace, RepositoryUnavailable
from tests.integration.orthanc.conftest import House
from tests.support.instances import PATIENT
from tests.support.servers import OrthancServer, wait_for

Make = Callable[..., tuple[Path, pydicom.Dataset]]
MakeOrthanc = Callable[..., OrthancServer]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_orthanc_goes_away_and_comes_back(
    server: OrthancServer, house: House, make: Make, how: str
) -> None:
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    house.wait_completed("1.2.3")
    getattr(server, how)()
    wait_for(lambda: feed.problem, "the feed says that Orthanc is away")
    server.start()
    server.upload(make(study="1.2.4")[0])
    house.wait_completed("1.2.4")
    wait_for(lambda: not feed.problem, "the feed is well again")

    assert house.intake.received == 2


@pytest.mark.parametrize("restart_feed", [False, True])
def test_a_study_whose_stable_change_orthanc_forgot(
    make_orthanc: MakeOrthanc, house: House, make: Make, restart_feed: bool
) -> None:
    """Orthanc is stopped between the arrival and StableStudy, which then never comes."""
    server = make_orthanc(stable_age=3600)
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: server.changes("NewInstance"), "it arrived")
    if restart_feed:
        feed.stop()
    server.stop()
    server.start()
    if restart_feed:
        house.feed(server)
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)

    assert server.changes("StableStudy") == []
    assert house.intake.completed == ["1.2.3"]


def test_a_study_that_still_arrives_is_left_alone(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    server = make_orthanc(stable_age=3600)
    house.feed(server)
    server.upload(make(study="1.2.3")[0], make(study="1.2.4")[0])
    first, second = (change["Seq"] for change in server.changes("NewInstance"))
    wait_for(lambda: house.cursor == first - 1, "the cursor stays before the first")
    server.delete(f"/studies/{server.find('1.2.3')[0]}")
    # Who looks at all that waits finds the first gone, and the second still arriving.
    wait_for(lambda: house.cursor == second - 1, "the cursor stays before the second")

    assert house.intake.received == 0


def test_a_study_deleted_before_it_is_read(server: OrthancServer, house: House, make: Make) -> None:
    server.upload(make(study="1.2.3")[0])
    server.wait_stable(1)
    server.upload(make(study="1.2.4")[0])
    server.wait_stable(2)
    server.delete(f"/studies/{server.find('1.2.3')[0]}")
    house.feed(server)
    house.wait_completed("1.2.4")
    house.wait_caught_up(server)

    assert house.intake.received == 1


def test_a_refused_instance_does_not_stop_the_others(
    server: OrthancServer, house: House, make: Make
) -> None:
    def refuse_second(number: int) -> None:
        if number == 2:
            raise ConflictingInstance

    house.intake.fail = refuse_second
    house.feed(server)
    server.upload(*(make(study="1.2.3")[0] for _ in range(3)))
    house.wait_completed("1.2.3")
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: len(house.intake.completed) == 2, "completed again")
    house.wait_caught_up(server)

    assert len(house.intake.held) == 3
    assert house.intake.received == 4  # the refused one is not fetched again
    assert house.archive.left_over == []


@pytest.mark.parametrize("error", [OutOfSpace, RepositoryUnavailable, OSError(28, "no space")])
def test_no_room_now_is_tried_again(
    server: OrthancServer, house: House, make: Make, error: Any
) -> None:
    def refuse_twice(number: int) -> None:
        if number in (2, 3):
            raise error

    house.intake.fail = refuse_twice
    house.feed(server)
    server.upload(*(make(study="1.2.3")[0] for _ in range(3)))
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)

    assert len(house.intake.held) == 3
    assert house.intake.received == 5
    assert house.archive.left_over == []


def test_the_cursor_waits_while_there_is_no_room(
    server: OrthancServer, house: House, make: Make
) -> None:
    def full() -> None:
        raise OutOfSpace

    house.archive.check = full
    feed = house.feed(server)
    server.upload(make(study="1.2.3")[0])
    wait_for(lambda: feed.problem == "OutOfSpace", "the feed has no room")
    assert house.cursor < 1
    house.archive.check = lambda: None
    house.wait_completed("1.2.3")


def test_an_unforeseen_error_does_not_stop_the_feed(
    server: OrthancServer, house: House, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    def break_first(number: int) -> None:
        if broken and number == 1:
            raise ZeroDivisionError(PATIENT)

    house.intake.fail = break_first
    house.feed(server, sweep=1.0)
    server.upload(make(study="1.2.3")[0])
    server.wait_stable(1)
    server.upload(make(study="1.2.4")[0])
    house.wait_completed("1.2.3", "1.2.4")
    house.wait_caught_up(server)

    assert "ZeroDivisionError" in caplog.text
    assert PATIENT not in caplog.text


def test_an_instance_that_orthanc_cannot_read(
    make_orthanc: MakeOrthanc, house: House, make: Make
) -> None:
    """Its file is missing in Orthanc's storage: the others come in, and it when it is back."""
    server = make_orthanc(stable_age=1)
    storage = server.directory / "storage"
    damaged, _ = make(study="1.2.3")
    server.upload(damaged)
    server.wait_stable(1)
    (hidden,) = (p for p in storage.rglob("*") if p.is_file() and p.stat().st_size > 50_000)
    hidden.rename(server.directory / "hidden")
    server.stop()  # it would have the file in its cache
    server.start()
    server.upload(make(study="1.2.4")[0])
    house.feed(server)
    house.wait_completed("1.2.4")
    assert house.intake.completed == ["1.2.4"]
    (first, _) = (change["Seq"] for change in server.changes("StableStudy"))
    assert house.cursor < first

    (server.directory / "hidden").rename(hidden)
    house.wait_completed("1.2.3")
    house.wait_caught_up(server)
