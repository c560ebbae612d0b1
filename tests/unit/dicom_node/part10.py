"""Part 10 files made by hand, so that they may be wrong in any way."""

from __future__ import annotations

import struct

from inference.domain.instance import Description

_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"UC")


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """Encode in Explicit VR Little Endian; `length` may lie."""
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    stated = len(value) if length is None else length
    code = vr.encode()
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + code
    if code in _LONG:
        return head + struct.pack("<HL", 0, stated) + value
    return head + struct.pack("<H", stated) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    stated = len(value) if length is None else length
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, stated) + value


def part10(data_set: bytes, transfer_syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    meta = element(0x00020010, "UI", transfer_syntax.encode())
    return (
        b"\0" * 128
        + b"DICM"
        + element(0x00020000, "UL", struct.pack("<L", len(meta)))
        + meta
        + data_set
    )


def data_set(*others: bytes, sop: str = "1.2.3.4.5", study: str = "1.2.3") -> bytes:
    """The four UIDs and `others`, in the order of their tags."""
    elements = (
        element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.1"),
        element(0x00080018, "UI", sop.encode()),
        element(0x0020000D, "UI", study.encode()),
        element(0x0020000E, "UI", b"1.2.3.4"),
        *others,
    )
    return b"".join(sorted(elements, key=lambda each: struct.unpack("<HH", each[:4])))


def from_description(description: Description, payload: bytes) -> bytes:
    """Return a Part 10 file that says `description`."""
    of = description.attributes
    age = "" if of.patient_age_years is None else f"{int(of.patient_age_years):03d}Y"
    values = [
        (0x00080016, "UI", description.sop_class_uid),
        (0x00080018, "UI", description.sop_instance_uid),
        (0x00080020, "DA", of.study_date),
        (0x00080030, "TM", of.study_time),
        (0x00080050, "SH", of.accession_number),
        (0x00080060, "CS", of.modality),
        (0x00080070, "LO", of.manufacturer),
        (0x00081030, "LO", of.study_description),
        (0x0008103E, "LO", of.series_description),
        (0x00100010, "PN", of.patient_name),
        (0x00100020, "LO", of.patient_id),
        (0x00100030, "DA", of.patient_birth_date),
        (0x00100040, "CS", of.patient_sex),
        (0x00101010, "AS", age),
        (0x00180015, "CS", of.body_part),
        (0x00185101, "CS", of.view),
        (0x0020000D, "UI", description.study_instance_uid),
        (0x0020000E, "UI", description.series_instance_uid),
        (0x00200010, "SH", of.study_id),
        (0x00200011, "IS", str(of.series_number or "")),
        (0x00200013, "IS", str(of.instance_number or "")),
        (0x00280008, "IS", str(of.frames)),
    ]
    encoded = [element(tag, vr, value.encode()) for tag, vr, value in values]
    encoded.append(element(0x00280010, "US", struct.pack("<H", of.rows)))
    encoded.append(element(0x00280011, "US", struct.pack("<H", of.columns)))
    if of.has_pixels:
        encoded.append(element(0x7FE00010, "OB", payload or b"\0\0"))
    return part10(b"".join(encoded), description.transfer_syntax_uid)
