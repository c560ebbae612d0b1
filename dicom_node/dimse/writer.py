"""DIMSE messages written to an association that a peer opened, past pynetdicom's queues.

Those have no bound: a peer that reads slowly would let a long list, or a whole Study, grow in
memory. Written straight to the connection, it waits for the peer instead.
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO, Self

from pynetdicom.association import Association

from dicom_node.dimse.messages import PeerError

Fields = Mapping[int, int | str]  # elements of group 0000, by number

_MAXIMUM_PDU = 131072  # bytes, whatever more a peer would take
_MINIMUM_PDU = 128  # bytes; nobody needs less, but somebody to keep us busy
_UNSENT = 131072  # bytes that the system keeps for the network
_HELD = 1 << 16  # bytes that are collected before they are sent
_ESTABLISHED = "Sta6"  # PS3.8 Table 9-10
_COMMAND, _LAST = 1, 2  # bits of the message control header, PS3.8 Annex E.2
_UIDS = (0x0002, 0x1000)
_DATA_SET_TYPE = 0x0800
_NO_DATA_SET, _DATA_SET = 0x0101, 0x0001  # PS3.7 Annex E.1


class PeerGone(Exception):
    """The association has ended while it was written to."""


class Writer:
    """Writes to one association, from the association's own thread."""

    def __init__(self, association: Association, connection: socket.socket) -> None:
        """Raises `PeerGone`, and `PeerError` where the peer takes no PDU of a useful size."""
        announced = association.requestor.maximum_length or _MAXIMUM_PDU  # 0 is no limit
        if announced < _MINIMUM_PDU:
            raise PeerError(f"a maximum PDU length of {announced} bytes is announced")
        self._fragment = min(announced, _MAXIMUM_PDU) - 6  # item length, context, header
        self._association = association
        self._held = bytearray()
        try:
            # A second descriptor: the upper layer may close its own at any moment, and the
            # number may then be somebody else's connection.
            self._connection = connection.dup()
        except OSError as error:
            raise PeerGone from error
        lowest = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS have it
        if lowest is not None:
            # What the system holds is on its way for good: less of it, and a C-CANCEL counts.
            with contextlib.suppress(OSError):
                self._connection.setsockopt(socket.IPPROTO_TCP, lowest, _UNSENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def send(self, context_id: int, fields: Fields, data: bytes | BinaryIO | None = None) -> None:
        """Send a command set, and the data set that belongs to it. Raises `PeerGone`.

        A file is sent from where it stands to its end.
        """
        kind = _NO_DATA_SET if data is None else _DATA_SET
        command = encoded_command({**fields, _DATA_SET_TYPE: kind})
        try:
            self._add(context_id, _COMMAND, io.BytesIO(command))
            if data is not None:
                self._add(context_id, 0, io.BytesIO(data) if isinstance(data, bytes) else data)
            self._flush()
        except OSError as error:
            if isinstance(error, TimeoutError):
                self._association.note("the peer does not take what it asked for")
            # Half a message may be out: nothing said on this connection makes sense now.
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            raise PeerGone from error

    def _add(self, context_id: int, header: int, source: BinaryIO) -> None:
        """One presentation data value to a PDU (PS3.8 Section 9.3.5)."""
        fragment = source.read(self._fragment)
        while True:
            following = source.read(self._fragment)
            length = len(fragment) + 2
            last = 0 if following else _LAST
            self._held += struct.pack(
                ">BBLLBB", 0x04, 0, length + 4, length, context_id, header | last
            )
            self._held += fragment
            if not following:
                return
            if len(self._held) >= _HELD:
                self._flush()
            fragment = following

    def _flush(self) -> None:
        association = self._association
        state = association.dul.state_machine.current_state
        if not association.is_established or state != _ESTABLISHED:
            raise PeerGone
        self._connection.sendall(self._held)
        self._held.clear()


def encoded_command(fields: Fields) -> bytes:
    """Encode a command set: Implicit VR Little Endian, by rising number (PS3.7 Section 6.3)."""
    body = bytearray()
    for number, value in sorted(fields.items()):
        if isinstance(value, int):
            content = struct.pack("<H", value)
        else:
            content = value.encode("ascii", "replace")
            if len(content) % 2:
                content += b"\0" if number in _UIDS else b" "
        body += struct.pack("<HHL", 0, number, len(content)) + content
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + bytes(body)
