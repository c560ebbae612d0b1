"""The Storage SCP, with DCMTK's programs as its peers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from dicom_node.dimse.echo import echo
from dicom_node.dimse.file_meta import IMPLEMENTATION_CLASS_UID
from dicom_node.dimse.send import dicom_files, send_files
from inference.domain.about import current
from inference.domain.errors import (
    ConflictingInstance,
    InvalidUid,
    OutOfSpace,
    RepositoryUnavailable,
    UnreadableInstance,
)
from inference.domain.instance import Priority, Source
from tests.integration.dicom_node.conftest import QUICK, Receiver
from tests.support.dcmtk import echoscu, storescu
from tests.support.programs import HOST, wait_for
from tests.unit.dicom_node.part10 import data_set, element, part10

Instances = Callable[..., Path]
Receivers = Callable[..., Receiver]


class Lines(logging.Handler):
    """What is logged, and of which Study."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.getMessage(), current().get("study_instance_uid")))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger("dicom_node")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def store(receiver: Receiver, *files: Path, verbose: bool = False) -> tuple[int, str]:
    """Send by DCMTK's storescu; return its exit code and what it said."""
    extra = ["-v"] if verbose else []
    done = storescu(files, receiver.port, called="WETREAD", extra=extra, check=False)
    return done.returncode, done.stdout + done.stderr


class TestVerification:
    def test_echo(self, receiver: Receiver) -> None:
        assert echoscu(receiver.port, called="WETREAD").returncode == 0
        assert echo(HOST, receiver.port) < 5

    def test_called_ae_title(self, receiver: Receiver) -> None:
        done = echoscu(receiver.port, called="SOMEBODY")
        assert done.returncode != 0
        assert "Called AE Title Not Recognized" in done.stderr

    def test_calling_ae_title(self, make_receiver: Receivers) -> None:
        receiver = make_receiver(calling_ae_titles=("CT1", "CT2"))
        assert echoscu(receiver.port, called="WETREAD", calling="CT2").returncode == 0
        done = echoscu(receiver.port, called="WETREAD", calling="CT3")
        assert "Calling AE Title Not Recognized" in done.stderr


class TestStorage:
    def test_a_part10_file_is_kept(self, receiver: Receiver, make_instance: Instances) -> None:
        sent = make_instance()
        assert store(receiver, sent)[0] == 0
        ((kept, origin),) = receiver.intake.kept
        assert (origin.source, origin.calling_ae, origin.called_ae, origin.priority) == (
            Source.DIMSE,
            "STORESCU",
            "WETREAD",
            Priority.MEDIUM,
        )
        meta = pydicom.dcmread(kept).file_meta
        assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert meta.MediaStorageSOPInstanceUID == "1.2.3.4.1"
        assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert meta.SourceApplicationEntityTitle == "STORESCU"
        assert receiver.archive.digest(kept) == receiver.archive.digest(sent)
        assert receiver.spooled == []

    @pytest.mark.parametrize("priority", list(Priority))
    def test_priority(
        self, receiver: Receiver, make_instance: Instances, priority: Priority
    ) -> None:
        (outcome,) = send_files([make_instance()], host=HOST, port=receiver.port, priority=priority)
        assert outcome.taken
        assert receiver.intake.kept[0][1].priority is priority

    @pytest.mark.parametrize("size", [0, 2, 131_056, 131_072, 1_000_000])
    @pytest.mark.parametrize("maximum_pdu", [4096, 131_072, 0])
    def test_sizes(
        self, make_receiver: Receivers, make_instance: Instances, size: int, maximum_pdu: int
    ) -> None:
        receiver = make_receiver(maximum_pdu=maximum_pdu)
        sent = make_instance(size=size)
        assert store(receiver, sent)[0] == 0
        kept = receiver.intake.kept[0][0]
        assert receiver.archive.digest(kept) == receiver.archive.digest(sent)

    def test_an_intake_slower_than_the_network_timeout(
        self, make_receiver: Receivers, make_instance: Instances
    ) -> None:
        receiver = make_receiver(timeouts=QUICK)
        receiver.intake.gate.clear()
        outcomes: list[bool] = []
        files = [make_instance(1), make_instance(2)]
        sender = threading.Thread(
            target=lambda: outcomes.extend(
                each.taken for each in send_files(files, host=HOST, port=receiver.port)
            )
        )
        sender.start()
        assert receiver.intake.entered.acquire(timeout=30)
        assert receiver.scp._listener is not None
        (association,) = receiver.scp._listener.active_associations
        wait_for(association.dul.idle_timer_expired, "the network timeout has passed")
        receiver.intake.gate.set()
        sender.join()
        assert outcomes == [True, True]

    def test_several_associations_at_once(
        self, receiver: Receiver, make_instance: Instances
    ) -> None:
        files = [[make_instance(10 * sender + each) for each in range(5)] for sender in range(6)]
        codes: list[int] = []
        receiver.intake.gate.clear()
        senders = [
            threading.Thread(target=lambda part=part: codes.append(store(receiver, *part)[0]))
            for part in files
        ]
        for sender in senders:
            sender.start()
        for _ in senders:  # all of them are inside at the same time
            assert receiver.intake.entered.acquire(timeout=30)
        receiver.intake.gate.set()
        for sender in senders:
            sender.join()
        assert codes == [0] * 6
        assert len({kept for kept, _ in receiver.intake.kept}) == 30

    def test_more_associations_than_allowed(
        self, make_receiver: Receivers, make_instance: Instances
    ) -> None:
        receiver = make_receiver(maximum_associations=1)
        receiver.intake.gate.clear()
        code: list[int] = []
        sender = threading.Thread(target=lambda: code.append(store(receiver, make_instance())[0]))
        sender.start()
        assert receiver.intake.entered.acquire(timeout=30)
        assert "Local Limit Exceeded" in echoscu(receiver.port, called="WETREAD").stderr
        receiver.intake.gate.set()
        sender.join()
        assert code == [0]
        wait_for(
            lambda: echoscu(receiver.port, called="WETREAD").returncode == 0, "room for the next"
        )

    @pytest.mark.shared
    def test_all_samples_in_their_own_transfer_syntax(
        self, receiver: Receiver, shared_data: Path
    ) -> None:
        files = list(dicom_files([shared_data / "dicom-samples"]))
        assert store(receiver, *files)[0] == 0
        assert len(receiver.intake.kept) == len(files)
        syntaxes = {
            receiver.archive.describe(kept).transfer_syntax_uid for kept, _ in receiver.intake.kept
        }
        assert syntaxes == {receiver.archive.describe(file).transfer_syntax_uid for file in files}

    @pytest.mark.shared
    def test_all_samples_bit_by_bit(self, receiver: Receiver, shared_data: Path) -> None:
        """DCMTK writes some sequences anew; we send what the file holds."""
        files = list(dicom_files([shared_data / "dicom-samples"]))
        outcomes = list(send_files(files, host=HOST, port=receiver.port))
        assert [each.message for each in outcomes if not each.taken] == []
        digest = receiver.archive.digest
        assert {digest(kept) for kept, _ in receiver.intake.kept} == {
            digest(file) for file in files
        }


class TestStatus:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (OutOfSpace(), 0xA700),
            (RepositoryUnavailable(), 0xA701),
            (UnreadableInstance(), 0xC000),
            (InvalidUid(), 0xC001),
            (ConflictingInstance(), 0x0111),
            (RuntimeError("a bug"), 0x0110),
        ],
    )
    def test_an_error_of_the_intake(
        self,
        receiver: Receiver,
        make_instance: Instances,
        caplog: pytest.LogCaptureFixture,
        error: Exception,
        status: int,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        receiver.intake.error = error
        (outcome,) = send_files([make_instance()], host=HOST, port=receiver.port)
        assert (outcome.taken, outcome.status) == (False, status)
        assert receiver.spooled == []
        assert f"0x{status:04X}" in caplog.text
        assert "Secret" not in caplog.text
        # The same association, and the next, go on.
        receiver.intake.error = None
        outcomes = send_files([make_instance(2), make_instance(3)], host=HOST, port=receiver.port)
        assert [each.taken for each in outcomes] == [True, True]

    def test_the_log_says_of_which_study_an_instance_was_refused(
        self, receiver: Receiver, make_instance: Instances, lines: Lines
    ) -> None:
        sent = make_instance()
        receiver.intake.error = RepositoryUnavailable()
        (outcome,) = send_files([sent], host=HOST, port=receiver.port)
        assert outcome.status == 0xA701
        (study,) = (study for line, study in lines.seen if "0xA701" in line)
        assert study == pydicom.dcmread(sent).StudyInstanceUID

    def test_storescu_says_what_we_say(self, receiver: Receiver, make_instance: Instances) -> None:
        receiver.intake.error = OutOfSpace()
        code, said = store(receiver, make_instance(), verbose=True)
        assert code != 0
        assert "0xa700" in said.lower() or "OutOfResources" in said

    def test_no_space(self, make_receiver: Receivers, make_instance: Instances) -> None:
        """The data set is not even written."""
        receiver = make_receiver(low_watermark_bytes=1 << 60)
        (outcome,) = send_files([make_instance()], host=HOST, port=receiver.port)
        assert outcome.status == 0xA700
        assert receiver.intake.kept == []
        assert receiver.spooled == []

    def test_another_instance_than_was_said(
        self, receiver: Receiver, make_instance: Instances, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PS3.4 Table B.2-1."""
        import dicom_node.dimse.send as sending

        sent = make_instance()
        honest = sending.describe(sent)
        for field, value in (
            ("sop_instance_uid", "1.2.999"),
            ("sop_class_uid", "1.2.840.10008.5.1.4.1.1.2"),
        ):
            lie = {
                name: getattr(honest, name)
                for name in honest.__dataclass_fields__  # slots: no __dict__
            } | {field: value}
            monkeypatch.setattr(sending, "describe", lambda path, lie=lie: type(honest)(**lie))
            (outcome,) = send_files([sent], host=HOST, port=receiver.port)
            assert outcome.status == 0xA900
        assert receiver.intake.kept == []
        assert receiver.spooled == []

    def test_a_truncated_data_set_goes_to_quarantine(
        self, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import dicom_node.dimse.send as sending

        whole = data_set(element(0x7FE00010, "OW", bytes(5000)))
        path = tmp_path / "whole.dcm"
        path.write_bytes(part10(whole))
        description = sending.describe(path)
        path.write_bytes(part10(whole[:-100]))
        monkeypatch.setattr(sending, "describe", lambda path: description)
        (outcome,) = send_files([path], host=HOST, port=receiver.port)
        assert outcome.status == 0xC000
        (key,) = receiver.intake.quarantined
        assert receiver.archive.digest(receiver.archive.path(key)) == receiver.archive.digest(path)
