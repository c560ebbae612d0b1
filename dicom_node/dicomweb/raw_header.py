"""The header of a Part 10 file as it lies on the disk: attributes by tag, values as bytes.

For what is written as nearly everything is: Part 10, Little Endian, not deflated. Of anything else
`Unusual` says so, and pydicom is asked, which knows the world's oddities.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pydicom.datadict import dictionary_VR
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom_node.archive.encoding import LONG_FORM, SHORT_FORM
from dicom_node.archive.header import PIXEL_DATA

_HEAD = 32 << 10  # bytes, which hold nearly every header
_LONGEST = 4 << 20  # bytes
_DATA_SET = 132  # where the File Meta Information begins (PS3.10 Section 7.1)
_META = 0x0002
_TRANSFER_SYNTAX_UID = 0x00020010
_IMPLICIT_VR = str(ImplicitVRLittleEndian)
_OTHERS = frozenset(("", str(DeflatedExplicitVRLittleEndian), str(ExplicitVRBigEndian)))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD  # PS3.5 Section 7.5
_UNDEFINED = 0xFFFFFFFF
_DEPTH = 16

_EXPLICIT = struct.Struct("<HH2sH").unpack_from
_IMPLICIT = struct.Struct("<HHL").unpack_from
_LENGTH = struct.Struct("<L").unpack_from
_SHORT = {code: code.decode() for code in SHORT_FORM}
_LONG = {code: code.decode() for code in LONG_FORM}


class Unusual(Exception):
    """To be read by pydicom."""


class _MoreToRead(Exception):
    pass


@dataclass(frozen=True, slots=True)
class RawHeader:
    """`values` have VR, None where it is implicit, and bytes; the items alone of a Sequence.

    What stands behind the pixels is left out. `pixels` are tag and VR.
    """

    values: dict[int, tuple[str | None, bytes]]
    pixels: tuple[int, str] | None
    is_implicit: bool


def read_raw_header(path: Path) -> RawHeader:
    """Raises `Unusual`."""
    with path.open("rb", buffering=0) as file:
        data = file.read(_HEAD)
        while True:
            try:
                return _header(data)
            except (_MoreToRead, struct.error):
                more = file.read(_LONGEST - len(data)) if len(data) < _LONGEST else b""
                if not more:
                    raise Unusual from None  # truncated, or very long
                data += more


def _header(data: bytes) -> RawHeader:
    if data[128:_DATA_SET] != b"DICM":
        raise Unusual
    syntax, position = _file_meta(data)
    if syntax in _OTHERS:
        raise Unusual
    is_implicit = syntax == _IMPLICIT_VR
    group, _, code, _ = _EXPLICIT(data, position)
    if group == 0 or is_implicit == code.isalpha():
        raise Unusual  # a Command Set; or it is not what it says
    values: dict[int, tuple[str | None, bytes]] = {}
    last, size = 0, len(data)
    while True:
        if position == size:
            # Nothing tells the end of a file from the end of what was read, but to read on.
            if size == _HEAD:
                raise _MoreToRead
            return RawHeader(values, None, is_implicit)
        # What nearly every attribute is is read here: headers of thousands of slices are asked
        # for at once, and each has a hundred of them.
        group, number, code, length = _EXPLICIT(data, position)
        vr = None if is_implicit else _SHORT.get(code)
        if vr is not None:
            tag = group << 16 | number
            position += 8
        else:
            tag, vr, length, position = _element(data, position, is_implicit)
        if tag in PIXEL_DATA:
            return RawHeader(values, (tag, vr or "OW"), is_implicit)
        if tag <= last:
            raise Unusual
        last = tag
        if length == _UNDEFINED:
            end = _sequence_end(data, position, tag, vr, is_implicit, 0)
            values[tag] = (vr, data[position:end])
            position = end + 8
        else:
            end = position + length
            if end > size:
                raise _MoreToRead
            values[tag] = (vr, data[position:end])
            position = end


def _file_meta(data: bytes) -> tuple[str, int]:
    """Return the Transfer Syntax UID, and where the data set begins."""
    syntax, position = "", _DATA_SET
    while True:
        group, _, _, _ = _EXPLICIT(data, position)
        if group != _META:
            return syntax, position
        tag, _, length, position = _element(data, position, False)
        if tag == _TRANSFER_SYNTAX_UID:
            syntax = data[position : position + length].decode("ascii", "replace").rstrip("\0 ")
        position += length


def _element(data: bytes, position: int, is_implicit: bool) -> tuple[int, str | None, int, int]:
    """Return tag, VR, length, and where the value begins."""
    if is_implicit:
        group, number, length = _IMPLICIT(data, position)
        return group << 16 | number, None, length, position + 8
    group, number, code, length = _EXPLICIT(data, position)
    vr = _SHORT.get(code)
    if vr is not None:
        return group << 16 | number, vr, length, position + 8
    vr = _LONG.get(code)
    if vr is None:
        raise Unusual
    (length,) = _LENGTH(data, position + 8)
    return group << 16 | number, vr, length, position + 12


def _sequence_end(
    data: bytes, position: int, tag: int, vr: str | None, is_implicit: bool, depth: int
) -> int:
    """Return where the delimiter of a sequence of undefined length stands."""
    if not _is_sequence(tag, vr) or depth > _DEPTH:
        raise Unusual
    while True:
        group, number, length = _IMPLICIT(data, position)
        mark = group << 16 | number
        if mark == _SEQUENCE_END:
            return position
        if mark != _ITEM:
            raise Unusual
        position += 8
        if length == _UNDEFINED:
            position = _item_end(data, position, is_implicit, depth)
        else:
            position += length


def _item_end(data: bytes, position: int, is_implicit: bool, depth: int) -> int:
    """Return where an item of undefined length ends, its delimiter included."""
    while True:
        group, number, _ = _IMPLICIT(data, position)
        if group << 16 | number == _ITEM_END:
            return position + 8
        tag, vr, length, position = _element(data, position, is_implicit)
        if length == _UNDEFINED:
            position = _sequence_end(data, position, tag, vr, is_implicit, depth + 1) + 8
        else:
            position += length


def _is_sequence(tag: int, vr: str | None) -> bool:
    if vr is not None:
        return vr == "SQ"
    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False
