"""Starting and stopping the receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_node.dimse.echo import echo
from inference.domain.errors import (
    DestinationUnreachable,
    SettingsError,
)
from tests.integration.dicom_node.conftest import Receiver
from tests.support.dcmtk import echoscu, storescu
from tests.support.programs import HOST, wait_for

Instances = Callable[..., Path]
Receivers = Callable[..., Receiver]

Instances = Callable[..., Path]
Receivers = Callable[..., Receiver]


class TestStop:
    def test_what_is_under_way_is_finished(
        self, receiver: Receiver, make_instance: Instances
    ) -> None:
        receiver.intake.gate.clear()
        code: list[int] = []
        sender = threading.Thread(
            target=lambda: code.append(
                storescu([make_instance()], receiver.port, called="WETREAD").returncode
            )
        )
        sender.start()
        assert receiver.intake.entered.acquire(timeout=30)
        port = receiver.port
        stopper = threading.Thread(target=receiver.scp.stop)
        stopper.start()

        def refused() -> bool:
            try:
                echo(HOST, port)
            except DestinationUnreachable:
                return True
            return False

        wait_for(refused, "nothing new is let in")
        assert stopper.is_alive()
        receiver.intake.gate.set()
        stopper.join(20)
        assert not stopper.is_alive()
        sender.join()
        assert code == [0]
        assert len(receiver.intake.kept) == 1

    def test_stop_and_start_again(self, receiver: Receiver) -> None:
        receiver.scp.stop()
        receiver.scp.stop()
        receiver.scp.start()
        assert echoscu(receiver.port, called="WETREAD").returncode == 0

    def test_a_port_that_is_taken(self, receiver: Receiver, make_receiver: Receivers) -> None:
        other = make_receiver()
        other.scp.stop()
        other.scp._address = (HOST, receiver.port)
        with pytest.raises(SettingsError, match="in use"):
            other.scp.start()
