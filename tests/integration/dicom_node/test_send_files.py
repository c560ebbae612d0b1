"""Sending files as a modality does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
)

from dicom_node.dimse.echo import echo
from dicom_node.dimse.send import dicom_files, send_files
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import (
    DestinationUnreachable,
)
from inference.domain.result import ResultObject
from tests.integration.dicom_node.conftest import QUICK, Receiver
from tests.integration.dicom_node.peer import Peer
from tests.support.programs import HOST, free_port
from tests.support.servers import StorescpServer

Instances = Callable[..., Path]
Objects = list[tuple[ResultObject, Path]]

Instances = Callable[..., Path]


class TestSendFiles:
    def test_what_cannot_be_sent_is_told(
        self, receiver: Receiver, make_instance: Instances, tmp_path: Path
    ) -> None:
        text, missing = tmp_path / "note.txt", tmp_path / "missing.dcm"
        text.write_text("hello")
        good = make_instance()
        outcomes = {
            each.path: each
            for each in send_files([text, good, missing], host=HOST, port=receiver.port)
        }
        assert outcomes[good].taken
        assert outcomes[good].status == 0x0000
        assert not outcomes[text].taken
        assert "not a DICOM file" in outcomes[text].message
        assert not outcomes[missing].taken

    def test_folders(self, make_instance: Instances, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        (folder / "deep").mkdir(parents=True)
        instance = make_instance().rename(folder / "deep" / "one")
        (folder / "note.txt").write_text("hello")
        (folder / "DICOMDIR").write_bytes(instance.read_bytes())
        assert list(dicom_files([folder])) == [instance]
        assert list(dicom_files([folder / "note.txt"])) == [folder / "note.txt"]

    def test_nobody_there(self, make_instance: Instances) -> None:
        files = [make_instance(1), make_instance(2)]
        outcomes = list(send_files(files, host=HOST, port=free_port(), timeouts=QUICK))
        assert [(each.path, each.taken, each.status) for each in outcomes] == [
            (file, False, None) for file in files
        ]
        assert all("does not answer" in each.message for each in outcomes)

    def test_a_peer_that_goes_away_in_between(
        self, receiver: Receiver, make_instance: Instances
    ) -> None:
        """The file under way is not taken; the next has an association of its own."""
        files = [make_instance(number) for number in (1, 2, 3)]
        sending = send_files(files, host=HOST, port=receiver.port, timeouts=QUICK)
        assert next(sending).taken
        listener = receiver.scp._listener
        assert listener is not None
        for association in listener.active_associations:
            association.abort()
        outcomes = list(sending)
        assert [each.path for each in outcomes] == files[1:]
        assert outcomes[-1].taken

    def test_a_peer_that_stops_reading(self, make_instance: Instances) -> None:
        """It does not hang: PDUs wait in a bounded queue, and the sender gives up."""
        release = threading.Event()

        def stuck(event: evt.Event) -> int:
            return 0x0000

        with Peer((str(ComputedRadiographyImageStorage), ExplicitVRLittleEndian)) as peer:
            peer.server.bind(
                evt.EVT_DATA_RECV,
                lambda event: release.wait(10) if len(event.data) > 5000 else None,
            )
            quick = Timeouts(connection=1, association=1, message=1, network=1)
            (outcome,) = send_files(
                [make_instance(size=60_000_000)],
                host=HOST,
                port=peer.port,
                called_ae="STORESCP",
                timeouts=quick,
            )
            release.set()
            assert not outcome.taken

    def test_a_large_file_is_not_held(self, receiver: Receiver, make_instance: Instances) -> None:
        files = [make_instance(1, size=1000), make_instance(2, size=200 << 20)]
        sending = send_files(files, host=HOST, port=receiver.port)
        assert next(sending).taken
        process = psutil.Process()
        before = highest = process.memory_info().rss
        done = threading.Event()

        def watch() -> None:
            nonlocal highest
            while not done.wait(0.01):
                highest = max(highest, process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            assert next(sending).taken
        finally:
            done.set()
            watcher.join()
        # Sender and receiver are one process here.
        assert highest - before < 64 << 20


class TestEcho:
    def test_storescp(self, storescp_server: StorescpServer) -> None:
        assert echo(HOST, storescp_server.port, called_ae="STORESCP") > 0

    def test_nobody(self) -> None:
        with pytest.raises(DestinationUnreachable, match="does not answer"):
            echo(HOST, free_port())

    def test_wrong_ae_title(self, receiver: Receiver) -> None:
        with pytest.raises(DestinationUnreachable, match="rejected"):
            echo(HOST, receiver.port, called_ae="SOMEBODY")
