"""Deliveries: retried, refused, replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from inference.domain.delivery import DeliveryState
from inference.domain.errors import DestinationRefused, DestinationUnreachable
from inference.domain.result import ResultObject
from inference.worker.courier import Courier
from tests.support.programs import wait_for
from tests.unit.worker.conftest import LEASE, Bench


class Peer:
    def __init__(self, name: str) -> None:
        self.name = name
        self.error: Exception | None = None
        self.tries = 0
        self.got: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        self.tries += 1
        self.meanwhile()
        if self.error:
            raise self.error
        self.got.extend(each.sop_instance_uid for each, _ in objects)


@pytest.fixture
def peers(bench: Bench) -> dict[str, Peer]:
    bench.ask(bench.receive())
    bench.worker.tick()
    return {name: Peer(name) for name in ("archive", "pacs")}


def courier(bench: Bench, peers: dict[str, Peer]) -> Courier:
    return Courier(bench.outbox, bench.archive, bench.clock, peers, LEASE)


def states(bench: Bench) -> dict[str, DeliveryState]:
    return {each.destination: each.state for each in bench.outbox.deliveries()}


def test_each_destination_gets_the_objects_once(bench: Bench, peers: dict[str, Peer]) -> None:
    bringing = courier(bench, peers)
    while bringing.tick():
        pass
    assert set(states(bench).values()) == {DeliveryState.DELIVERED}
    assert [peer.got for peer in peers.values()] == [["2.25.1"], ["2.25.1"]]


def test_an_unreachable_destination_is_tried_again_and_does_not_hold_up_the_other(
    bench: Bench, peers: dict[str, Peer]
) -> None:
    peers["pacs"].error = DestinationUnreachable("nobody answers")
    bringing = courier(bench, peers)
    while bringing.tick():
        pass
    assert states(bench) == {
        "archive": DeliveryState.DELIVERED,
        "pacs": DeliveryState.PENDING,
    }
    assert peers["pacs"].tries == 1
    peers["pacs"].error = None
    bench.clock.advance(600)
    while bringing.tick():
        pass
    assert states(bench)["pacs"] is DeliveryState.DELIVERED


def test_a_refusal_is_final_until_it_is_replayed(bench: Bench, peers: dict[str, Peer]) -> None:
    peers["pacs"].error = DestinationRefused("SOP class not supported")
    bringing = courier(bench, peers)
    while bringing.tick():
        pass
    (failed,) = [each for each in bench.outbox.deliveries() if each.destination == "pacs"]
    assert failed.state is DeliveryState.FAILED
    assert failed.error == "SOP class not supported"
    peers["pacs"].error = None
    assert bench.outbox.replay(failed.delivery_id, bench.clock.now())
    while bringing.tick():
        pass
    assert states(bench)["pacs"] is DeliveryState.DELIVERED


def test_a_destination_that_left_the_settings_is_said(bench: Bench, peers: dict[str, Peer]) -> None:
    del peers["pacs"]
    bringing = courier(bench, peers)
    while bringing.tick():
        pass
    (failed,) = [each for each in bench.outbox.deliveries() if each.destination == "pacs"]
    assert failed.state is DeliveryState.FAILED
    assert "no destination is called pacs" in failed.error


def test_an_error_that_nobody_foresaw_does_not_end_the_courier(
    bench: Bench, peers: dict[str, Peer]
) -> None:
    peers["pacs"].error = ZeroDivisionError("Doe^Jane")
    bringing = courier(bench, peers)
    while bringing.tick():
        pass
    (pending,) = [each for each in bench.outbox.deliveries() if each.destination == "pacs"]
    assert pending.state is DeliveryState.PENDING
    assert pending.error == "ZeroDivisionError"


def test_a_delivery_keeps_its_lease_for_as_long_as_it_takes(
    bench: Bench, peers: dict[str, Peer]
) -> None:
    lease = timedelta(seconds=0.3)
    slow, other = (
        Courier(bench.outbox, bench.archive, bench.clock, peers, lease) for _ in range(2)
    )

    def take_long() -> None:
        for _ in range(3):
            until = bench.clock.advance(10 * lease) + lease
            wait_for(
                lambda until=until: bench.outbox.deliveries()[0].next_attempt_at == until,  # type: ignore[misc]
                "the lease is extended",
            )
            assert not other.tick()

    peers["pacs"].meanwhile = take_long
    while slow.tick():
        pass
    assert states(bench)["pacs"] is DeliveryState.DELIVERED
    assert peers["pacs"].tries == 1


def test_what_is_lost_with_its_courier_is_brought_by_another_when_the_lease_ends(
    bench: Bench, peers: dict[str, Peer]
) -> None:
    for _ in peers:
        assert bench.outbox.claim(bench.clock.now(), LEASE)
    bringing = courier(bench, peers)
    assert not bringing.tick()
    bench.clock.advance(LEASE)
    while bringing.tick():
        pass
    assert set(states(bench).values()) == {DeliveryState.DELIVERED}
    assert {each.attempts for each in bench.outbox.deliveries()} == {2}


def test_a_courier_that_is_told_looks_at_once(bench: Bench, peers: dict[str, Peer]) -> None:
    arrived = Event()
    peers["pacs"].meanwhile = arrived.set
    hour = 3600.0
    told = Courier(bench.outbox, bench.archive, bench.clock, peers, LEASE, threads=1, idle=hour)
    told.start()
    try:
        wait_for(lambda: DeliveryState.PENDING not in states(bench).values(), "all is brought")
        arrived.clear()
        bench.ask(bench.receive("2"))
        bench.worker.tick()
        told.wake()
        assert arrived.wait(30)
    finally:
        told.stop()
    assert not told.alive
