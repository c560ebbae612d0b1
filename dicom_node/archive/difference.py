"""How two Part 10 files differ: which attributes, and whether pixels have to be looked at."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.encoding import ITEM, Stream, walk
from dicom_node.archive.header import PIXEL_DATA, data_set
from dicom_node.archive.values import decoder_for
from inference.domain.errors import UnreadableInstance

_CHUNK = 1 << 20  # bytes
_MAX_ELEMENTS = 200_000  # of either: what is compared is held in memory
_SHOWN = 200  # bytes of a value
_CHARACTER_SET = 0x00080005

_ENCODED = PIXEL_DATA | {0x7FE00001, 0x7FE00002}  # and offset tables, PS3.3 C.7.6.3.1.8
_READ_BY = frozenset(  # by what Pixel Data is read (PS3.3 C.7.6.3)
    (
        0x00280002,  # Samples per Pixel
        0x00280004,  # Photometric Interpretation
        0x00280006,  # Planar Configuration
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280100,  # Bits Allocated
        0x00280101,  # Bits Stored
        0x00280102,  # High Bit
        0x00280103,  # Pixel Representation
    )
)

_SEQUENCE, _ITEM = b"sequence", b"item"  # in place of a digest, which is longer

_LITTLE = frozenset(  # in which the same bytes are the same pixels
    map(str, (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian))
)

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}  # PS3.5 Table 6.2-1
_PLAIN = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"])
_TEXT = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])


class Change(StrEnum):
    CHANGED = "changed"
    ADDED = "added"  # in the other alone
    MISSING = "missing"  # in the first alone


@dataclass(frozen=True, slots=True)
class AttributeDifference:
    """`path` holds the tags of the sequences around it, as does every tag: (gggg,eeee).

    `first` and `other` are the values as text, None where there is none or nobody asked.
    """

    path: tuple[str, ...]
    tag: str
    keyword: str
    change: Change
    first: str | None = None
    other: str | None = None
    is_pixel_data: bool = False  # of the image itself, or where its frames begin


@dataclass(frozen=True, slots=True)
class Difference:
    """`pixels`: may they differ, by what they or attributes hold?

    `pixel_tags` are of the image itself, of either: mostly (7FE0,0010) alone (PS3.3 C.7.6.3).
    `length` is that of all values in bytes, inflated, and `header_length` without the image; of
    the longer one.
    """

    attributes: tuple[AttributeDifference, ...]
    pixel_tags: frozenset[int]
    pixels: bool
    transfer_syntaxes: tuple[str, str]
    length: int
    header_length: int

    @property
    def has_pixels(self) -> bool:
        return bool(self.pixel_tags)


@dataclass(slots=True)
class _Found:
    """All values of an attribute at one place, by their digests, each with its item's number."""

    digests: list[tuple[int, bytes]] = field(default_factory=list)
    head: bytes = b""  # of the first
    length: int = 0  # bytes of all
    items: int = 0  # of a sequence, in all


@dataclass(slots=True)
class _Read:
    transfer_syntax_uid: str
    big_endian: bool
    # By the tags of the sequences around, then its own.
    found: dict[tuple[int, ...], _Found] = field(default_factory=dict)

    def keep(self, place: tuple[int, ...], skipped: Sequence[_Skipped]) -> None:
        found = self.found.setdefault(place, _Found())
        for each in skipped:
            found.head = found.head if found.digests else each.head
            found.length += each.length
            found.digests.append((self._item(place), each.digest))

    def enter(self, place: tuple[int, ...]) -> None:
        """Keep that a sequence stands here: it may hold nothing."""
        found = self.found.setdefault(place, _Found())
        found.digests.append((self._item(place), _SEQUENCE))

    def open_item(self, sequence: tuple[int, ...]) -> None:
        found = self.found.setdefault(sequence, _Found())
        found.items += 1
        found.digests.append((self._item(sequence), _ITEM))

    def length(self, without: frozenset[int]) -> int:
        return sum(each.length for place, each in self.found.items() if place[0] not in without)

    def _item(self, place: tuple[int, ...]) -> int:
        """Return which item of the sequence around it is open, of all at its place."""
        return self.found[place[:-1]].items if len(place) > 1 else 0


def compare(first: Path, other: Path, *, values: bool = False) -> Difference:
    """Compare data sets, not File Meta Information; with `values` say what they hold.

    Raises `UnreadableInstance`, also where there is more than can be compared.
    """
    one, two = _read(first), _read(other)
    different = [
        place
        for place in sorted(one.found.keys() | two.found.keys())
        if _digests(one, place) != _digests(two, place)
    ]
    pixel_tags = frozenset(tag for tag in PIXEL_DATA if (tag,) in one.found or (tag,) in two.found)
    decisive = _ENCODED | _READ_BY
    syntaxes = {one.transfer_syntax_uid, two.transfer_syntax_uid}
    return Difference(
        tuple(_difference(one, two, place, values) for place in different),
        pixel_tags,
        bool(pixel_tags)
        and (
            any(len(place) == 1 and place[0] in decisive for place in different)
            or (one.transfer_syntax_uid != two.transfer_syntax_uid and not syntaxes <= _LITTLE)
        ),
        (one.transfer_syntax_uid, two.transfer_syntax_uid),
        max(each.length(without=frozenset()) for each in (one, two)),
        max(each.length(without=PIXEL_DATA) for each in (one, two)),
    )


def _digests(read: _Read, place: tuple[int, ...]) -> list[tuple[int, bytes]] | None:
    found = read.found.get(place)
    return None if found is None else found.digests


def _difference(
    one: _Read, two: _Read, place: tuple[int, ...], values: bool
) -> AttributeDifference:
    change = Change.CHANGED
    if place not in one.found:
        change = Change.ADDED
    elif place not in two.found:
        change = Change.MISSING
    *path, tag = place
    return AttributeDifference(
        tuple(map(_written, path)),
        _written(tag),
        keyword_for_tag(tag),
        change,
        _value(one, place) if values else None,
        _value(two, place) if values else None,
        not path and tag in _ENCODED,
    )


def _written(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


@dataclass(frozen=True, slots=True)
class _Skipped:
    digest: bytes
    head: bytes
    length: int


class _Digesting:
    """A stream that keeps digests of what is skipped: the values, and nothing between them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.skipped: list[_Skipped] = []

    def read(self, count: int) -> bytes:
        return self._stream.read(count)

    def skip(self, count: int) -> None:
        digest, head, left = hashlib.blake2b(digest_size=16), b"", count
        while left:
            data = self._stream.read(min(left, _CHUNK))
            if not data:
                raise UnreadableInstance("the data set is truncated: a value runs beyond its end")
            digest.update(data)
            head = head or data[:_SHOWN]
            left -= len(data)
        self.skipped.append(_Skipped(digest.digest(), head, count))

    def tell(self) -> int:
        return self._stream.tell()


def _read(part10: Path) -> _Read:
    with data_set(part10) as (stream, syntax, meta):
        digesting = _Digesting(stream)
        read = _Read(meta.transfer_syntax_uid, syntax.big_endian)
        around: tuple[int, ...] = ()  # Pixel Data, whose fragments follow (PS3.5 Section A.4)
        count = 0
        for element in walk(digesting, syntax, (), _sequences(), items=True):
            skipped, digesting.skipped = digesting.skipped, []
            count += 1 + len(skipped)
            if count > _MAX_ELEMENTS:
                raise UnreadableInstance("there is more in it than can be compared")
            if element.tag == ITEM:
                if around:
                    read.keep(around, skipped)
                    around = ()
                read.open_item(element.path)
                continue
            # A sequence that is entered was not skipped.
            own = skipped[-1:] if skipped and skipped[-1].length == element.length else []
            if around:
                read.keep(around, skipped[: len(skipped) - len(own)])
            place = (*element.path, element.tag)
            if element.tag & 0xFFFF:  # a group's length (PS3.5 Section 7.2) says nothing new
                read.keep(place, own)
                if not own:
                    read.enter(place)
            around = place if element.length is None else ()
        if around:
            read.keep(around, digesting.skipped)
        return read


@cache
def _sequences() -> frozenset[int]:
    return frozenset(tag for tag in keyword_dict.values() if dictionary_VR(tag) == "SQ")


def _value(read: _Read, place: tuple[int, ...]) -> str | None:
    """Return a value as one reads it, the first where there are several, cut where it is long."""
    found, tag = read.found.get(place), place[-1]
    if found is None:
        return None
    vr = _vr(tag)
    if found.items:
        return "1 item" if found.items == 1 else f"{found.items} items"
    if not found.length or tag in PIXEL_DATA:
        return f"{found.length} bytes" if found.length else ""
    if vr in _TEXT or vr in _PLAIN:
        charset = read.found.get((_CHARACTER_SET,))
        decode = decoder_for(charset.head if charset and vr in _TEXT else b"")
        text = decode(found.head.rstrip(b"\0 "))
        return text + ("…" if found.length > len(found.head) else "")
    code = _NUMBERS.get(vr, "")
    if code and found.head:
        size = struct.calcsize(code)
        some = found.head[: len(found.head) // size * size]
        order = ">" if read.big_endian else "<"
        numbers = struct.unpack(f"{order}{len(some) // size}{code}", some)
        text = "\\".join(f"{each:g}" for each in numbers)
        return text + ("…" if found.length > len(some) else "")
    return f"{found.length} bytes"


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:  # private, or unknown to this version
        return "UN"
