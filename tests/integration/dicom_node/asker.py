"""A peer that asks as no program would, byte by byte."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Self

from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from tests.integration.dicom_node.pdus import associate_request, command, p_data
from tests.support.dimse import DimseNode
from tests.support.programs import HOST

FIND = str(StudyRootQueryRetrieveInformationModelFind)
GET = str(StudyRootQueryRetrieveInformationModelGet)


def elements(*pairs: tuple[int, bytes]) -> bytes:
    """A data set in Implicit VR Little Endian."""
    return b"".join(
        struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value for tag, value in pairs
    )


def request(kind: int, sop_class: str, message_id: int = 1) -> bytes:
    fields = {
        0x0002: sop_class.encode() + b"\0" * (len(sop_class) % 2),
        0x0100: struct.pack("<H", kind),
        0x0110: struct.pack("<H", message_id),
        0x0700: b"\0\0",
        0x0800: b"\1\0",
    }
    return p_data(1, 3, command(fields))


def find(identifier: bytes, message_id: int = 1) -> bytes:
    return request(0x0020, FIND, message_id) + b"".join(
        p_data(1, 2 if start + 16000 >= len(identifier) else 0, identifier[start : start + 16000])
        for start in range(0, max(1, len(identifier)), 16000)
    )


def cancel(message_id: int = 1) -> bytes:
    fields = {0x0100: b"\xff\x0f", 0x0120: struct.pack("<H", message_id), 0x0800: b"\1\1"}
    return p_data(1, 3, command(fields))


class Asker:
    """A peer that writes what it wants; it reads no faster than it is told to."""

    def __init__(
        self, node: DimseNode, abstract_syntax: str = FIND, maximum_pdu: int = 16384
    ) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(20)
        self._socket.connect((HOST, node.port))
        self.send(associate_request(abstract_syntax=abstract_syntax, maximum_pdu=maximum_pdu))
        self.answer = self.pdu()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def pdu(self) -> tuple[int, bytes]:
        """Return type and content; (0, b"") where the connection has ended."""
        try:
            head = self._read(6)
            return head[0], self._read(struct.unpack(">L", head[2:])[0])
        except ConnectionError:
            return 0, b""

    def statuses(self) -> list[int]:
        """Return the statuses of all responses to the last one, or to the end."""
        found: list[int] = []
        while True:
            kind, content = self.pdu()
            if kind != 4:
                return found
            at = content.find(b"\0\0\0\x09\x02\0\0\0")
            if content[5] & 1 and at >= 0:
                (status,) = struct.unpack_from("<H", content, at + 8)
                found.append(status)
                if status & 0xFF00 != 0xFF00:
                    return found

    def _read(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            data = self._socket.recv(count - len(received))
            if not data:
                raise ConnectionResetError
            received += data
        return received
