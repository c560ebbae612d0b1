"""The Storage SCU, with DCMTK's storescp and with our own receiver as its peers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    MRImageStorage,
)

from dicom_node.archive import LocalDestination, describe
from dicom_node.dimse.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dicom_node.dimse.echo import echo
from dicom_node.dimse.requester import MAXIMUM_CONTEXTS
from dicom_node.dimse.scu import DicomDestination
from dicom_node.dimse.send import dicom_files, send_files
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import (
    ConflictingInstance,
    DestinationRefused,
    DestinationUnreachable,
    OutOfSpace,
)
from inference.domain.result import ResultObject, Role
from tests.integration.dicom_node.conftest import QUICK, Receiver
from tests.support.programs import HOST, free_port
from tests.support.servers import StorescpServer
from tests.unit.dicom_node.part10 import data_set, element, part10

Instances = Callable[..., Path]
Objects = list[tuple[ResultObject, Path]]


def as_objects(*paths: Path) -> Objects:
    return [
        (
            ResultObject(
                Role.REPORT,
                description.sop_class_uid,
                description.sop_instance_uid,
                description.series_instance_uid,
                description.study_instance_uid,
                f"results/{path.name}",
            ),
            path,
        )
        for path in paths
        for description in [describe(path)]
    ]


def destination(
    port: int, ae_title: str = "STORESCP", timeouts: Timeouts = QUICK
) -> DicomDestination:
    return DicomDestination("pacs", ae_title=ae_title, host=HOST, port=port, timeouts=timeouts)


class TestDestination:
    def test_storescp_gets_all(
        self, storescp_server: StorescpServer, make_instance: Instances
    ) -> None:
        files = [make_instance(1), make_instance(2, size=300_000)]
        there = destination(storescp_server.port)
        there.send(as_objects(*files))
        there.send(as_objects(*files))  # again does no harm
        assert {describe(path).sop_instance_uid for path in storescp_server.files} == {
            "1.2.3.4.1",
            "1.2.3.4.2",
        }
        assert there.name == "pacs"

    def test_nothing_to_send(self) -> None:
        destination(1).send([])

    def test_nobody_there(self, make_instance: Instances) -> None:
        with pytest.raises(DestinationUnreachable, match="does not answer"):
            destination(free_port()).send(as_objects(make_instance()))

    def test_no_such_host(self, make_instance: Instances) -> None:
        there = DicomDestination("pacs", ae_title="X", host="nowhere.invalid", port=104)
        with pytest.raises(DestinationUnreachable, match="cannot be found"):
            there.send(as_objects(make_instance()))

    def test_a_peer_that_accepts_and_says_nothing(self, make_instance: Instances) -> None:
        with socket.create_server((HOST, 0)) as server:
            port = server.getsockname()[1]
            with pytest.raises(DestinationUnreachable):
                destination(port).send(as_objects(make_instance()))

    def test_wrong_ae_title(self, receiver: Receiver, make_instance: Instances) -> None:
        with pytest.raises(DestinationUnreachable, match="Called AE title not recognised"):
            destination(receiver.port, "SOMEBODY").send(as_objects(make_instance()))

    def test_no_space_there(self, receiver: Receiver, make_instance: Instances) -> None:
        receiver.intake.error = OutOfSpace()
        with pytest.raises(DestinationUnreachable, match="0xA700"):
            destination(receiver.port, "WETREAD").send(as_objects(make_instance()))

    def test_refused_for_good(self, receiver: Receiver, make_instance: Instances) -> None:
        receiver.intake.error = ConflictingInstance()
        with pytest.raises(DestinationRefused, match="0x0111"):
            destination(receiver.port, "WETREAD").send(as_objects(make_instance()))

    def test_gone_from_the_archive(self, tmp_path: Path, make_instance: Instances) -> None:
        objects = as_objects(make_instance())
        objects[0][1].unlink()
        for there in (destination(1), LocalDestination()):
            with pytest.raises(DestinationUnreachable):
                there.send(objects)

    def test_the_local_one_has_them_already(self, make_instance: Instances) -> None:
        there = LocalDestination("archive")
        there.send(as_objects(make_instance()))
        assert there.name == "archive"


class Peer:
    """An SCP with few contexts, which answers with `status`."""

    def __init__(self, *contexts: tuple[str, str], status: int = 0x0000) -> None:
        self.ae = AE("STORESCP")
        for sop_class, syntax in contexts:
            self.ae.add_supported_context(sop_class, syntax)
        self.syntaxes: list[str] = []
        self.proposed: list[int] = []
        self.status = status
        self.server = self.ae.start_server(
            (HOST, 0),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self.on_store), (evt.EVT_REQUESTED, self.on_request)],
        )
        self.port = self.server.server_address[1]

    def on_store(self, event: evt.Event) -> int:
        self.syntaxes.append(event.context.transfer_syntax)
        assert event.dataset.SOPInstanceUID
        return self.status

    def on_request(self, event: evt.Event) -> None:
        self.proposed.append(len(event.assoc.requestor.requested_contexts))

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()


class TestContexts:
    def test_just_what_is_needed(self, make_instance: Instances) -> None:
        with Peer((str(ComputedRadiographyImageStorage), ExplicitVRLittleEndian)) as peer:
            destination(peer.port).send(as_objects(make_instance(1), make_instance(2)))
            assert peer.proposed == [2]  # explicit, and implicit for peers that have no other
            assert peer.syntaxes == [ExplicitVRLittleEndian] * 2

    def test_a_peer_with_the_default_alone(self, make_instance: Instances) -> None:
        """PS3.5 Section 10.1: Implicit VR Little Endian is what every AE takes."""
        with Peer((str(ComputedRadiographyImageStorage), ImplicitVRLittleEndian)) as peer:
            destination(peer.port).send(as_objects(make_instance()))
            assert peer.syntaxes == [ImplicitVRLittleEndian]

    def test_a_sop_class_that_is_not_supported(self, make_instance: Instances) -> None:
        with (
            Peer((str(MRImageStorage), ExplicitVRLittleEndian)) as peer,
            pytest.raises((DestinationRefused, DestinationUnreachable), match="accept"),
        ):
            destination(peer.port).send(as_objects(make_instance()))

    def test_one_of_two_is_not_supported(self, make_instance: Instances, tmp_path: Path) -> None:
        ct = tmp_path / "ct.dcm"
        content = data_set().replace(b"1.2.840.10008.5.1.4.1.1.1\0", b"1.2.840.10008.5.1.4.1.1.2\0")
        ct.write_bytes(part10(content))
        assert describe(ct).sop_class_uid == CTImageStorage
        with (
            Peer((str(ComputedRadiographyImageStorage), ExplicitVRLittleEndian)) as peer,
            pytest.raises(DestinationRefused, match="does not accept SOP Class"),
        ):
            destination(peer.port).send(as_objects(make_instance(), ct))

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (0xB000, None),
            (0xA701, DestinationUnreachable),
            (0xA900, DestinationRefused),
            (0xC123, DestinationRefused),
            (0x0122, DestinationRefused),
        ],
    )
    def test_statuses(
        self, make_instance: Instances, status: int, error: type[Exception] | None
    ) -> None:
        with Peer(
            (str(ComputedRadiographyImageStorage), ExplicitVRLittleEndian), status=status
        ) as peer:
            if error is None:
                destination(peer.port).send(as_objects(make_instance()))
            else:
                with pytest.raises(error, match=f"0x{status:04X}"):
                    destination(peer.port).send(as_objects(make_instance()))

    def test_more_than_one_association_holds(self, receiver: Receiver, tmp_path: Path) -> None:
        compressed = [uid for uid in TRANSFER_SYNTAXES if uid.is_compressed][:3]
        files = []
        for number in range(MAXIMUM_CONTEXTS + 40):
            sop_class = STORAGE_SOP_CLASSES[number // 3]
            content = data_set(sop=f"1.2.3.{number}").replace(
                element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.1"),
                element(0x00080016, "UI", sop_class.encode()),
            )
            path = tmp_path / f"{number:03}.dcm"
            path.write_bytes(part10(content, compressed[number % 3]))
            files.append(path)
        outcomes = list(send_files(files, host=HOST, port=receiver.port))
        assert [each.message for each in outcomes if not each.taken] == []
        assert len(receiver.intake.kept) == len(files)


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
