"""Messages out of presentation data values; the data set of a C-STORE goes to the disk."""

from __future__ import annotations

import time

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, C_STORE_RQ, DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA

from dicom_node.dimse.file_meta import part10_head
from dicom_node.dimse.spool import Spool
from inference.ports import Archive

_MAX_COMMAND = 1 << 16  # bytes
_MAX_OTHER_DATA = 1 << 20  # bytes in a request that is no C-STORE
_MAX_WAITING = 8  # messages; we never negotiate asynchronous operations
_CANCELLABLE = (C_FIND_RQ, C_GET_RQ, C_MOVE_RQ)


class PeerError(Exception):
    """The peer does not keep to the protocol."""


class SpoolingDimse(DIMSEServiceProvider):  # type: ignore[misc]
    """Takes messages from P-DATA; the data set of a C-STORE request goes to the disk."""

    def __init__(self, association: Association, archive: Archive) -> None:
        super().__init__(association)
        self._archive = archive
        self._spools: set[Spool] = set()
        self.last_activity = time.monotonic()

    @property
    def busy(self) -> bool:
        """Is a message arriving, waiting or being answered?"""
        return bool(self._spools) or self.message is not None

    def release(self, spool: Spool) -> None:
        """The request that came with `spool` has been dealt with."""
        self._spools.discard(spool)
        self.last_activity = time.monotonic()

    def discard_unfinished(self) -> None:
        for spool in list(self._spools):
            spool.discard()
        self._spools.clear()

    def receive_primitive(self, primitive: P_DATA) -> None:
        for context_id, value in primitive.presentation_data_value_list:
            self.receive_value(context_id, memoryview(value))

    def receive_value(self, context_id: int, value: memoryview) -> None:
        """Take one presentation data value: control header and fragment (PS3.8 Annex E.2)."""
        self.last_activity = time.monotonic()
        if not value:
            raise PeerError("a presentation data value is empty")
        is_command, is_last = value[0] & 1, value[0] & 2
        message = self.message
        spool = message._data_set_file if message is not None else None
        if spool is not None:
            if is_command or context_id != message.context_id:
                raise PeerError("a data set is interrupted by another message")
            spool.write(value[1:])
            if is_last:
                spool.close()
                self._finish(context_id, b"\x02")
            return
        if message is None and self.msg_queue.qsize() >= _MAX_WAITING:
            raise PeerError("too many messages without waiting for a response")
        self._check_bounds(message, len(value), bool(is_command))
        self._finish(context_id, value)
        if isinstance(self.message, C_STORE_RQ) and is_last:
            self._open(self.message)

    def _finish(self, context_id: int, value: bytes | memoryview) -> None:
        single = P_DATA()
        single.presentation_data_value_list = [[context_id, bytes(value)]]
        message = self.message
        super().receive_primitive(single)
        if self.message is None and isinstance(message, _CANCELLABLE):
            # A C-CANCEL that came before was for an earlier request of the same Message ID.
            self.cancel_req.pop(message.command_set.MessageID, None)

    def _open(self, message: DIMSEMessage) -> None:
        """The command is complete and its data set follows."""
        if len(self._spools) >= _MAX_WAITING:
            raise PeerError("too many requests without waiting for a response")
        context = self.assoc._accepted_cx.get(message.context_id)
        if context is None:
            raise PeerError("a request came on a presentation context that was not accepted")
        command = message.command_set
        spool = Spool(
            self._archive,
            part10_head(
                str(command.get("AffectedSOPClassUID", "")),
                str(command.get("AffectedSOPInstanceUID", "")),
                str(context.transfer_syntax[0]),
                str(self.assoc.requestor.ae_title),
            ),
        )
        self._spools.add(spool)
        message._data_set_file = spool

    @staticmethod
    def _check_bounds(message: DIMSEMessage | None, length: int, is_command: bool) -> None:
        if message is None:
            held = 0
        elif is_command:
            held = message.encoded_command_set.tell()
        else:
            held = message.data_set.tell()
        if held + length > (_MAX_COMMAND if is_command else _MAX_OTHER_DATA):
            raise PeerError("a message is longer than any that this service takes")
