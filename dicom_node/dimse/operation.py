"""A query or retrieval that is being answered, and the statuses that it can end with."""

from __future__ import annotations

import threading
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE

from dicom_node.dimse.contexts import PATIENT_ROOT
from dicom_node.dimse.identifier import Identifier, read_identifier
from dicom_node.dimse.writer import Fields, Writer
from inference.domain.errors import InputError, InvalidQuery, InvalidUid, ResourceError

# PS3.4 Sections C.4.1.1.4, C.4.2.1.5 and C.4.3.1.4; PS3.7 Annex C
SUCCESS = 0x0000
NOT_AUTHORIZED = 0x0124
OUT_OF_RESOURCES = 0xA700
CANNOT_COUNT = 0xA701
CANNOT_SEND = 0xA702
DESTINATION_UNKNOWN = 0xA801
DOES_NOT_MATCH = 0xA900
SUB_OPERATIONS_FAILED = 0xB000
CANNOT_PROCESS = 0xC000
CANCELLED = 0xFE00
PENDING = 0xFF00
PENDING_UNSUPPORTED = 0xFF01

_COMMENT = 64  # characters of Error Comment (0000,0902), LO
_RESPONSES = {C_FIND: 0x8020, C_GET: 0x8010, C_MOVE: 0x8021}  # PS3.7 Annex E.1


class Turns:
    """Bounds what is worked on at a time, whoever asks: who sends needs the processor more."""

    def __init__(self, searching: int = 2, transcoding: int = 1) -> None:
        self.searching = threading.BoundedSemaphore(searching)
        self.transcoding = threading.BoundedSemaphore(transcoding)


class Refused(Exception):
    """The operation ends with a failure, before anything was done."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status


def refusal(error: Exception, without: int = OUT_OF_RESOURCES) -> Refused:
    """Return what tells a peer of `error`; `without` is the status where a resource is."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, InvalidQuery | InvalidUid):
        return Refused(DOES_NOT_MATCH, str(error))
    if isinstance(error, InputError):
        return Refused(CANNOT_PROCESS, "The Identifier cannot be read")
    if isinstance(error, ResourceError):
        return Refused(without, "Database not available; try again later")
    return Refused(CANNOT_PROCESS, "Internal error; try again later")


class Operation:
    """One C-FIND, C-GET or C-MOVE request, with the way back to who asked."""

    def __init__(
        self, association: Any, writer: Writer, request: Any, context: Any, turns: Turns
    ) -> None:
        self.turns = turns
        self.association = association
        self.writer = writer
        self.request = request
        self.context_id: int = context.context_id
        self.sop_class = str(context.abstract_syntax)
        self.implicit = context.transfer_syntax[0] == ImplicitVRLittleEndian

    @property
    def peer(self) -> str:
        return str(self.association.requestor.ae_title).strip()

    @property
    def message_id(self) -> int:
        return int(self.request.MessageID)

    @property
    def is_cancelled(self) -> bool:
        """Did the peer send C-CANCEL for this request (PS3.7 Section 9.3.2.3)?"""
        return self.message_id in self.association.dimse.cancel_req

    def identifier(self) -> Identifier:
        """Read what is asked for. Raises `InvalidQuery` or `UnreadableInstance`."""
        data = self.request.Identifier
        if data is None:
            raise InvalidQuery("The request has no Identifier")
        return read_identifier(
            data.getvalue(), implicit=self.implicit, patient_root=self.sop_class in PATIENT_ROOT
        )

    def respond(
        self,
        status: int,
        comment: str = "",
        *,
        identifier: bytes | None = None,
        fields: Fields | None = None,
    ) -> None:
        """Raises `PeerGone`."""
        command: dict[int, int | str] = {
            0x0002: self.sop_class,
            0x0100: _RESPONSES[type(self.request)],
            0x0120: self.message_id,
            0x0900: status,
            **(fields or {}),
        }
        if comment:
            command[0x0902] = comment[:_COMMENT]
        self.writer.send(self.context_id, command, identifier)
