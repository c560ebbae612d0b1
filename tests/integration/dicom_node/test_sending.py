"""The Storage SCU, with DCMTK's storescp and with our own receiver as its peers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    MRImageStorage,
)

from dicom_node.archive import LocalDestination, describe
from dicom_node.dimse.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dicom_node.dimse.requester import MAXIMUM_CONTEXTS
from dicom_node.dimse.scu import DicomDestination
from dicom_node.dimse.send import send_files
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import (
    ConflictingInstance,
    DestinationRefused,
    DestinationUnreachable,
    OutOfSpace,
    UnreadableInstance,
)
from inference.domain.instance import Origin, Receipt
from inference.domain.result import ResultObject, Role
from tests.integration.dicom_node.conftest import QUICK, Receiver
from tests.integration.dicom_node.peer import Peer
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
        receiver.intake.error = UnreadableInstance()
        with pytest.raises(DestinationRefused, match="0xC000"):
            destination(receiver.port, "WETREAD").send(as_objects(make_instance()))

    def test_what_a_peer_holds_from_an_earlier_try_does_not_keep_the_rest_from_it(
        self, receiver: Receiver, make_instance: Instances
    ) -> None:
        objects = as_objects(make_instance(1), make_instance(2))
        held: list[str] = []
        refused: list[str] = []

        def receive(spooled: Path, origin: Origin) -> Receipt:
            uid = describe(spooled).sop_instance_uid
            if uid in held:
                raise ConflictingInstance
            if held and not refused:
                refused.append(uid)
                raise OutOfSpace
            held.append(uid)
            return Receipt.STORED

        receiver.intake.receive = receive  # type: ignore[method-assign]
        there = destination(receiver.port, "WETREAD")
        with pytest.raises(DestinationUnreachable, match="0xA700"):
            there.send(objects)
        there.send(objects)
        assert len(held) == 2

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

    def test_a_courtesy_that_is_not_supported_is_left_out(
        self, make_instance: Instances, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        ct = tmp_path / "ct.dcm"
        content = data_set().replace(b"1.2.840.10008.5.1.4.1.1.1\0", b"1.2.840.10008.5.1.4.1.1.2\0")
        ct.write_bytes(part10(content))
        ((described, path),) = as_objects(ct)
        courtesy = (replace(described, role=Role.PARAMETRIC_MAP), path)
        with Peer((str(ComputedRadiographyImageStorage), ExplicitVRLittleEndian)) as peer:
            destination(peer.port).send([*as_objects(make_instance()), courtesy])
            assert len(peer.syntaxes) == 1
        assert "does not accept the parametric map; left out" in caplog.text

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
