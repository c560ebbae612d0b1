"""The head of a Part 10 file, written before the data set has arrived."""

from __future__ import annotations

import struct

from inference.domain.uid import derive_uid

IMPLEMENTATION_CLASS_UID = derive_uid("implementation class")  # PS3.7 Section D.3.3.2
IMPLEMENTATION_VERSION_NAME = "WETREAD_0_1"  # at most 16 characters


def part10_head(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str
) -> bytes:
    """Return preamble, prefix and File Meta Information (PS3.10 Section 7.1).

    Encoded here and not by pydicom, which refuses or warns of values that a sender, not we,
    got wrong.
    """
    elements = b"".join(
        (
            _element(0x0001, b"OB", b"\x00\x01"),
            _element(0x0002, b"UI", sop_class_uid.encode("ascii", "replace")),
            _element(0x0003, b"UI", sop_instance_uid.encode("ascii", "replace")),
            _element(0x0010, b"UI", transfer_syntax_uid.encode("ascii", "replace")),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
            _element(0x0016, b"AE", source_ae_title.encode("ascii", "replace")),
        )
    )
    length = _element(0x0000, b"UL", struct.pack("<L", len(elements)))
    return b"\0" * 128 + b"DICM" + length + elements


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    """Encode an element of group 0002 in Explicit VR Little Endian."""
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    head = struct.pack("<HH2s", 0x0002, number, vr)
    if vr == b"OB":
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value
