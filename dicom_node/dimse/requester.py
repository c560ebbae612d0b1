"""An association that we ask for, and C-STORE over it, from file to network."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from dicom_node.archive.header import read_file_meta
from dicom_node.dimse.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.dimse.quiet import quiet_pynetdicom
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import DestinationRefused, DestinationUnreachable
from inference.domain.instance import Description, Priority

MAXIMUM_CONTEXTS = 128  # PS3.8 Section 9.3.2.2: odd identifiers from 1 to 255

_PRIORITIES = {Priority.MEDIUM: 0, Priority.HIGH: 1, Priority.LOW: 2}  # PS3.7 Section 9.3.1.1
_MAXIMUM_PDU = 131072  # bytes
_WAITING_PDUS = 32  # read from the file ahead of the network
_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True, slots=True)
class Peer:
    host: str
    port: int
    ae_title: str
    calling_ae_title: str

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Originator:
    """Who asked by C-MOVE for what is sent (PS3.7 Section 9.3.1.1)."""

    ae_title: str
    message_id: int


class Outgoing(Protocol):
    """What C-STORE has to know of an object."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def transfer_syntax_uid(self) -> str: ...


class _Socket(AssociationSocket):  # type: ignore[misc]
    """Keeps its timeout once connected, and is closed even where it never was."""

    def connect(self, primitive: T_CONNECT) -> None:
        super().connect(primitive)
        if self.socket is not None:
            self.socket.settimeout(self.assoc.network_timeout)

    def _shutdown_socket(self) -> None:
        sock = self.socket
        super()._shutdown_socket()
        if sock is not None:
            sock.close()


class _Entity(ApplicationEntity):  # type: ignore[misc]
    def _create_socket(
        self, opened: Association, address: AddressInformation, _tls: None
    ) -> AssociationSocket:
        return _Socket(opened, address=address)


def needed_contexts(descriptions: Iterable[Description]) -> list[tuple[str, str]]:
    """Return the (SOP Class, Transfer Syntax) pairs to propose, each but once.

    One transfer syntax to a context, so that the peer cannot choose one that the file has
    not. Uncompressed objects are also offered in Implicit VR Little Endian, which every AE
    takes (PS3.5 Section 10.1).
    """
    pairs: dict[tuple[str, str], None] = {}
    for description in descriptions:
        pairs[description.sop_class_uid, description.transfer_syntax_uid] = None
        if description.transfer_syntax_uid in _UNCOMPRESSED:
            pairs[description.sop_class_uid, str(ImplicitVRLittleEndian)] = None
    return list(pairs)


@contextmanager
def association(
    peer: Peer, pairs: Iterable[tuple[str, str]], timeouts: Timeouts
) -> Iterator[Association]:
    """Open an association and release it. Raises `DestinationUnreachable`."""
    quiet_pynetdicom()
    ae = _Entity(peer.calling_ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.connection_timeout = timeouts.connection
    ae.acse_timeout = timeouts.association
    ae.dimse_timeout = timeouts.message
    ae.network_timeout = timeouts.network
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
    try:
        opened = ae.associate(
            peer.host, peer.port, contexts, ae_title=peer.ae_title, max_pdu=_MAXIMUM_PDU
        )
    except OSError as error:  # the name is not known
        raise DestinationUnreachable(f"{peer} cannot be found: {error.strerror}") from error
    if not opened.is_established:
        raise DestinationUnreachable(_why(opened, peer))
    try:
        _bound_queue(opened)
        yield opened
    finally:
        if opened.is_established:
            opened.release()


def store(
    opened: Association,
    part10: Path,
    description: Outgoing,
    message_id: int,
    priority: Priority = Priority.MEDIUM,
    originator: Originator | None = None,
) -> int:
    """Send one file; return the status of the response.

    Raises `DestinationRefused` if the peer takes no such object, `DestinationUnreachable`
    if it does not answer.
    """
    context = _context(opened, description.sop_class_uid, description.transfer_syntax_uid)
    if context is not None:
        status = _send(opened, context, part10, description, message_id, priority, originator)
    elif description.transfer_syntax_uid == ExplicitVRLittleEndian and _context(
        opened, description.sop_class_uid, str(ImplicitVRLittleEndian)
    ):
        answer = opened.send_c_store(dcmread(part10), message_id, _PRIORITIES[priority])
        status = answer.get("Status")
    else:
        raise DestinationRefused(
            f"The peer does not accept SOP Class {description.sop_class_uid} in Transfer "
            f"Syntax {description.transfer_syntax_uid}."
        )
    if status is None:
        raise DestinationUnreachable("The association ended without a response.")
    return int(status)


def accepts(opened: Association, description: Description) -> bool:
    """Did the peer agree to take such an object?"""
    syntaxes = [description.transfer_syntax_uid]
    if description.transfer_syntax_uid in _UNCOMPRESSED:
        syntaxes.append(str(ImplicitVRLittleEndian))
    return any(_context(opened, description.sop_class_uid, each) for each in syntaxes)


def _context(opened: Association, sop_class: str, syntax: str) -> PresentationContext | None:
    for context in opened.accepted_contexts:
        if context.abstract_syntax == sop_class and context.transfer_syntax[0] == syntax:
            return context
    return None


def _send(
    opened: Association,
    context: PresentationContext,
    part10: Path,
    description: Outgoing,
    message_id: int,
    priority: Priority,
    originator: Originator | None,
) -> int | None:
    """What pynetdicom's `send_c_store` does with a path, without its global switch, and with
    the UIDs of the data set instead of those of the File Meta Information.
    """
    if not opened.is_established:
        return None
    with part10.open("rb") as file:
        offset = read_file_meta(file).data_set_offset
    request = C_STORE()
    request.MessageID = message_id
    request.AffectedSOPClassUID = description.sop_class_uid
    request.AffectedSOPInstanceUID = description.sop_instance_uid
    request.Priority = _PRIORITIES[priority]
    if originator is not None:
        request.MoveOriginatorApplicationEntityTitle = originator.ae_title
        request.MoveOriginatorMessageID = originator.message_id
    request._dataset_path = (part10, offset)
    opened._reactor_checkpoint.clear()
    while not opened._is_paused:
        time.sleep(0.0001)
    try:
        opened.dimse.send_msg(request, context.context_id)
        _, response = opened.dimse.get_msg(block=True)
    except ConnectionError:
        response = None
    finally:
        opened._reactor_checkpoint.set()
    if response is None:
        opened.abort()  # no answer in time, or nobody there any more
        return None
    return response.Status if response.is_valid_response else None


def _bound_queue(opened: Association) -> None:
    """Read a file no faster than it goes out: pynetdicom would queue all of it."""
    queue, send = opened.dul.to_provider_queue, opened.dul.send_pdu

    def send_pdu(primitive: Any) -> None:
        if isinstance(primitive, P_DATA):
            while queue.qsize() >= _WAITING_PDUS:
                if not opened.dul.is_alive() or not opened.is_established:
                    raise ConnectionError
                time.sleep(0.0005)
        send(primitive)

    opened.dul.send_pdu = send_pdu


def _why(opened: Association, peer: Peer) -> str:
    if opened.is_rejected:
        primitive = opened.acceptor.primitive
        reason = getattr(primitive, "reason_str", "") or "no reason given"
        return f"{peer} rejected the association: {reason}"
    if opened.is_aborted and opened.acceptor.primitive is None:
        return f"{peer} does not answer"
    if not opened.accepted_contexts and opened.rejected_contexts:
        return f"{peer} accepts none of what was proposed"
    return f"{peer} aborted the association"
