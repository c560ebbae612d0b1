"""PDUs made by hand, so that they may be wrong in any way."""

from __future__ import annotations

import struct

from pynetdicom.sop_class import ComputedRadiographyImageStorage

CR = str(ComputedRadiographyImageStorage)


def associate_request(
    called: str = "WETREAD", abstract_syntax: str = CR, maximum_pdu: int = 16384
) -> bytes:
    """A-ASSOCIATE-RQ with one presentation context, Implicit VR (PS3.8 Section 9.3.2)."""

    def item(kind: int, body: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(body)) + body

    context = struct.pack(">BBBB", 1, 0, 0, 0)
    context += item(0x30, abstract_syntax.encode()) + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, struct.pack(">L", maximum_pdu)) + item(0x52, b"1.2.3")
    body = struct.pack(">HH", 1, 0) + called.encode().ljust(16) + b"PEER".ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    return struct.pack(">BBL", 1, 0, len(body)) + body


def command(fields: dict[int, bytes]) -> bytes:
    """A command set in Implicit VR Little Endian (PS3.7 Section 6.3)."""
    body = b"".join(
        struct.pack("<HHL", 0, number, len(value)) + value for number, value in fields.items()
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def store_request(context: int = 1, instance: bytes = b"1.2.3.4.5\0") -> bytes:
    return p_data(
        context,
        3,
        command(
            {
                0x0002: CR.encode() + b"\0",
                0x0100: struct.pack("<H", 1),  # C-STORE-RQ
                0x0110: struct.pack("<H", 7),
                0x0700: struct.pack("<H", 0),
                0x0800: struct.pack("<H", 1),
                0x1000: instance,
            }
        ),
    )


def p_data(context: int, header: int, fragment: bytes) -> bytes:
    value = struct.pack(">LBB", len(fragment) + 2, context, header) + fragment
    return struct.pack(">BBL", 4, 0, len(value)) + value
