"""What the catalog knows, as the Identifier of a C-FIND response (PS3.4 Section C.4.1.1.3.2).

Encoded here and not by pydicom, which takes a hundred times as long for each answer, and more
care with values than those that somebody else got wrong are worth.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from pydicom.charset import encode_string, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import PersonName

from dicom_node.archive.values import decoder_for
from dicom_node.dimse.identifier import (
    IN_REQUEST,
    INSTANCE_AVAILABILITY,
    OF_PATIENTS,
    QUERY_RETRIEVE_LEVEL,
    REQUEST_ATTRIBUTES_SEQUENCE,
    RETRIEVE_AE_TITLE,
    SPECIFIC_CHARACTER_SET,
    Identifier,
    tag_of,
)
from dicom_node.pixels.frame import ignored_warnings
from inference.domain.catalog import Entry, Field, Level, Value

UTF_8 = "ISO_IR 192"

_LEVEL_NAMES = {Level.STUDY: "STUDY", Level.SERIES: "SERIES", Level.INSTANCE: "IMAGE"}
_AVAILABLE = "ONLINE"  # Instance Availability, PS3.3 C.4.23.1.1
_UNIQUE = (Field.STUDY_INSTANCE_UID, Field.SERIES_INSTANCE_UID, Field.SOP_INSTANCE_UID)
_LONGEST = 0xFFFE  # bytes of a value in Explicit VR, PS3.5 Section 7.1.2
_LARGEST_US = 0xFFFF
_VRS = {field: dictionary_VR(tag_of(field)) for field in Field}
_TEXTS = frozenset(("LO", "PN", "SH"))  # which Specific Character Set concerns, PS3.5 6.1.2.3

Encode = Callable[[str, str], bytes]  # from VR and value


class Answers:
    """Encodes the answers to one query: the keys that it asked for, and those that are due."""

    def __init__(self, identifier: Identifier, ae_title: str, *, implicit: bool) -> None:
        self._ae_title = ae_title
        self._implicit = implicit
        self._asked_character_set = identifier.character_set
        self._level_name = _LEVEL_NAMES[identifier.level]
        asked = {*identifier.keys, *_UNIQUE[: identifier.level]}
        if identifier.patient_root:
            asked.add(Field.PATIENT_ID)
        if identifier.of_patients:
            self._level_name = "PATIENT"
            asked.intersection_update(OF_PATIENTS)
        in_request = [field for field in IN_REQUEST if field in asked]
        if identifier.asks_for_request and not in_request:
            in_request = list(IN_REQUEST)
        self._in_request = in_request if identifier.level >= Level.SERIES else []
        self._fields = [
            field for field in asked if field not in IN_REQUEST and field.level <= identifier.level
        ]

    def encoded(self, entry: Entry) -> bytes:
        """Return the data set; a key without value is there, of zero length."""
        texts = [
            str(entry.values[field])
            for field in (*self._fields, *self._in_request)
            if field in entry.values and _VRS[field] in _TEXTS
        ]
        character_set, encode = chosen(texts, self._asked_character_set)
        elements = {
            QUERY_RETRIEVE_LEVEL: self._element(
                QUERY_RETRIEVE_LEVEL, "CS", self._level_name.encode()
            ),
            RETRIEVE_AE_TITLE: self._element(RETRIEVE_AE_TITLE, "AE", self._ae_title.encode()),
            INSTANCE_AVAILABILITY: self._element(INSTANCE_AVAILABILITY, "CS", _AVAILABLE.encode()),
        }
        if character_set:
            elements[SPECIFIC_CHARACTER_SET] = self._element(
                SPECIFIC_CHARACTER_SET, "CS", character_set.encode()
            )
        for field in self._fields:
            elements[tag_of(field)] = self._value(field, entry.values.get(field), encode)
        if self._in_request:
            elements[REQUEST_ATTRIBUTES_SEQUENCE] = self._request(entry, encode)
        return b"".join(elements[tag] for tag in sorted(elements))

    def _request(self, entry: Entry, encode: Encode) -> bytes:
        held = [field for field in self._in_request if field in entry.values]
        item = b"".join(
            self._value(field, entry.values[field], encode) for field in sorted(held, key=tag_of)
        )
        content = struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item if item else b""
        head = struct.pack("<HH", 0x0040, 0x0275)
        head += b"" if self._implicit else b"SQ\0\0"
        return head + struct.pack("<L", len(content)) + content

    def _value(self, field: Field, value: Value | None, encode: Encode) -> bytes:
        vr = _VRS[field]
        if value is None:
            content = b""
        elif vr == "US":
            number = value if isinstance(value, int) else -1
            content = struct.pack("<H", number) if 0 <= number <= _LARGEST_US else b""
        elif isinstance(value, tuple):
            content = "\\".join(value).encode("ascii", "replace")
        else:
            content = encode(vr, str(value))
        return self._element(tag_of(field), vr, content)

    def _element(self, tag: int, vr: str, content: bytes) -> bytes:
        if len(content) > _LONGEST:
            content = b""  # cut, it would be another value
        if len(content) % 2:
            content += b"\0" if vr == "UI" else b" "
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if self._implicit:
            return head + struct.pack("<L", len(content)) + content
        return head + vr.encode() + struct.pack("<H", len(content)) + content


def chosen(texts: Iterable[str], asked: str | None) -> tuple[str, Encode]:
    """Return the Specific Character Set of an answer, and what encodes in it.

    It is the one that was asked for, where that has all the characters, else UTF-8; none is
    named where none is needed, nor asked for (PS3.3 C.12.1.1.2).
    """
    texts = list(texts)
    terms = [term.strip() for term in (asked or "").split("\\")]
    known = any(terms) and all(term in python_encoding for term in terms)
    if all(text.isascii() for text in texts):
        name = "" if asked is None else "\\".join(terms) if known else UTF_8
        return name, lambda _, value: value.encode("ascii", "replace")
    if known:
        encode = _encoder([python_encoding[term] for term in terms])
        decode = decoder_for("\\".join(terms).encode("ascii"))
        if all(decode(encode("PN", text)) == text for text in texts):
            return "\\".join(terms), encode
    return UTF_8, lambda _, value: value.encode("utf-8", "replace")


def _encoder(encodings: list[str]) -> Encode:
    def encode(vr: str, value: str) -> bytes:
        if len(encodings) == 1:
            return value.encode(encodings[0], "replace")
        with ignored_warnings():
            if vr == "PN":
                return bytes(PersonName(value, encodings).encode(encodings))
            return encode_string(value, encodings)

    return encode
