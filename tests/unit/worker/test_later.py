"""A Service that takes long to make is made while others run."""

from __future__ import annotations

import threading

import pytest

from inference.worker.later import Later
from tests.support.programs import wait_for


class Slow:
    name = "slow"

    def __init__(self) -> None:
        self.alive = False
        self.woken = 0

    def start(self) -> None:
        self.alive = True

    def wake(self) -> None:
        self.woken += 1

    def stop(self) -> None:
        self.alive = False


class Workshop:
    def __init__(self) -> None:
        self.may = threading.Event()
        self.made = Slow()

    def make(self) -> Slow:
        self.may.wait()
        return self.made


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
def service(workshop: Workshop) -> Later:
    return Later("slow", workshop.make)


def test_it_is_well_while_it_is_made_and_runs_then(service: Later, workshop: Workshop) -> None:
    service.start()
    service.wake()
    assert service.alive
    assert not workshop.made.alive
    workshop.may.set()
    wait_for(lambda: workshop.made.alive, "made")
    assert service.alive

    def woken() -> int:
        service.wake()
        return workshop.made.woken

    wait_for(woken, "woken")
    service.stop()
    assert not workshop.made.alive
    assert not service.alive


def test_told_to_stop_meanwhile_it_starts_nothing(service: Later, workshop: Workshop) -> None:
    service.start()
    stopper = threading.Thread(target=service.stop)
    stopper.start()
    wait_for(service._stopping.is_set, "told to stop")
    workshop.may.set()
    stopper.join()
    assert not workshop.made.alive
    assert not service.alive


def test_what_ends_has_ended(service: Later, workshop: Workshop) -> None:
    workshop.may.set()
    service.start()
    wait_for(lambda: workshop.made.alive, "made")
    workshop.made.alive = False
    wait_for(lambda: not service.alive, "ended")
    service.stop()


def test_what_cannot_be_made_has_ended_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> Slow:
        raise RuntimeError("no torch here")

    service = Later("slow", make)
    service.start()
    wait_for(lambda: not service.alive, "ended")
    assert "no torch here" in caplog.text
    service.stop()
