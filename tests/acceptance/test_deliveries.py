"""Two receivers bring results to a destination that is slow, and one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psutil

from dicom_node.dimse.send import send_files
from inference.domain.delivery import Delivery, DeliveryState
from inference.persistence.outbox import SqlOutbox
from tests.support.group import Group
from tests.support.node import Node
from tests.support.postgresql import PostgresqlServer
from tests.support.programs import HOST, wait_for
from tests.support.radiographs import radiograph
from tests.support.servers import StorescpServer

LEASE = timedelta(seconds=6)
PATIENCE = 120.0  # seconds


def talks_to(node: Node, port: int) -> bool:
    connections = psutil.Process(node.pid).net_connections("tcp")
    return any(each.raddr and each.raddr.port == port for each in connections)


def test_a_slow_delivery_is_made_once_and_a_dead_receivers_is_taken_over(
    make_node: Callable[..., Node],
    postgresql: PostgresqlServer,
    storescp_server: StorescpServer,
    tmp_path: Path,
) -> None:
    pacs = {"name": "pacs", "ae_title": "STORESCP", "host": HOST, "port": storescp_server.port}
    settings = {
        "destinations": [pacs],
        "deliver_to_archive": False,
        "result_objects": [],
        "lease_seconds": LEASE.total_seconds(),
    }
    group = Group(make_node, postgresql, tmp_path, receivers=2, workers=1, **settings)
    with closing(group):
        outbox = SqlOutbox(group.database)

        def delivery_that(is_so: Callable[[Delivery], bool]) -> Delivery:
            return wait_for(
                lambda: next((each for each in outbox.deliveries() if is_so(each)), None),
                "the delivery is as expected",
                PATIENCE,
            )  # type: ignore[return-value]

        sent = tmp_path / "1.dcm"
        radiograph(sent, shape=(512, 448))
        os.kill(storescp_server.pid, signal.SIGSTOP)
        port = group.receivers[0].port
        (outcome,) = send_files([sent], host=HOST, port=port, called_ae="WETREAD")
        assert outcome.taken

        # Two leases pass. Whoever began still is at it, and the other leaves it alone.
        begun = delivery_that(lambda each: each.attempts > 0)
        long_after = begun.next_attempt_at + 2 * LEASE
        delivery_that(lambda each: each.next_attempt_at > long_after)
        (holder,) = [each for each in group.receivers if talks_to(each, storescp_server.port)]
        assert outbox.deliveries()[0].attempts == 1

        holder.kill()
        delivery_that(lambda each: each.attempts == 2)
        os.kill(storescp_server.pid, signal.SIGCONT)
        group.settle(1, PATIENCE)
        (delivery,) = outbox.deliveries()
        assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)
        assert len(storescp_server.files) == 1
