"""The layer below the header: data elements, one after another, out of a stream.

pydicom is not used here because this is the first code that meets bytes from outside: it
must never hold Pixel Data in memory, must tell a truncated data set from a whole one, and
must not warn through process-wide state with values (names, too) in the text.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from inference.domain.errors import UnreadableInstance

_UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000  # PS3.5 Section 7.5
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD

LONG_FORM = frozenset(  # PS3.5 Table 7.1-1: two reserved bytes, then a length of 32 bits
    b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
)
SHORT_FORM = frozenset(  # PS3.5 Table 7.1-2
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)

_MAX_ELEMENTS = 4_000_000  # far beyond any real header; bounds the time a hostile one takes
_MAX_DEPTH = 128  # nested sequences and items
_MAX_VALUE = 65_536  # bytes; a longer value of a wanted attribute is nothing we could use
_CHUNK = 1 << 20  # bytes
_MAX_INFLATED = 4 << 30  # bytes, a deflated data set that grows beyond is a bomb


@dataclass(frozen=True, slots=True)
class Syntax:
    """How data elements are encoded (PS3.5 Section 10)."""

    implicit: bool
    big_endian: bool = False


@dataclass(frozen=True, slots=True)
class RawElement:
    """`value` is None where it was skipped; `path` holds the tags of the sequences around."""

    path: tuple[int, ...]
    tag: int
    length: int | None
    value: bytes | None


class Stream(Protocol):
    def read(self, count: int) -> bytes:
        """Return `count` bytes, fewer only at the end."""
        ...

    def skip(self, count: int) -> None:
        """Raises `UnreadableInstance` beyond the end."""
        ...

    def tell(self) -> int: ...


class FileStream:
    """Skips by seeking, so that Pixel Data is never read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        start = file.tell()
        self._end = file.seek(0, io.SEEK_END)
        file.seek(start)

    def read(self, count: int) -> bytes:
        return self._file.read(count)

    def skip(self, count: int) -> None:
        if self._file.tell() + count > self._end:
            raise UnreadableInstance("the data set is truncated: a value runs beyond its end")
        self._file.seek(count, io.SEEK_CUR)

    def tell(self) -> int:
        return self._file.tell()


class InflatingStream:
    """A data set in Deflated Explicit VR Little Endian (PS3.5 Section A.5), piece by piece."""

    def __init__(self, file: BinaryIO, limit: int = _MAX_INFLATED) -> None:
        self._file = file
        self._limit = limit  # bytes
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        self._buffer = b""
        self._position = 0
        self._inflated = 0

    def read(self, count: int) -> bytes:
        while len(self._buffer) < count and self._fill():
            pass
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        self._position += len(data)
        return data

    def skip(self, count: int) -> None:
        while count:
            got = len(self.read(min(count, _CHUNK)))
            if not got:
                raise UnreadableInstance("the deflated data set is truncated")
            count -= got

    def tell(self) -> int:
        return self._position

    def _fill(self) -> bool:
        if self._zlib.eof:
            return False
        data = self._zlib.unconsumed_tail or self._file.read(_CHUNK)
        try:
            piece = self._zlib.decompress(data, _CHUNK)
        except zlib.error as error:
            raise UnreadableInstance("the deflated data set cannot be inflated") from error
        if not piece and not data and not self._zlib.eof:
            raise UnreadableInstance("the deflated data set is truncated")
        self._inflated += len(piece)
        if self._inflated > self._limit:
            raise UnreadableInstance(f"the data set inflates beyond {self._limit >> 20} MiB")
        self._buffer += piece
        return True


@dataclass(slots=True)
class _Frame:
    """An open sequence or item; `end` is None where a delimiter ends it."""

    is_item: bool
    end: int | None
    path: tuple[int, ...]
    implicit: bool
    encapsulated: bool = False


def guess_syntax(first: bytes, stated: Syntax) -> Syntax:
    """Return what the first data element looks like: some files state one and are another."""
    if len(first) < 6:
        return stated
    looks_explicit = first[4:6] in LONG_FORM or first[4:6] in SHORT_FORM
    return Syntax(not looks_explicit, stated.big_endian and looks_explicit)


def walk(
    stream: Stream,
    syntax: Syntax,
    wanted: Collection[int],
    sequences: Collection[int],
    *,
    items: bool = False,
) -> Iterator[RawElement]:
    """Yield every data element, with the value where `wanted` holds its tag.

    Sequences of defined length are entered only if `sequences` holds their tag. With `items`
    also the beginning of every item, as an `ITEM` in the path of its sequence. Raises
    `UnreadableInstance` if the data set ends too early or nests against PS3.5 Section 7.5.
    """
    order = ">" if syntax.big_endian else "<"
    tag_of, short, long = (struct.Struct(order + code) for code in ("HH", "H", "L"))
    stack: list[_Frame] = []

    for _ in range(_MAX_ELEMENTS):
        while stack and stack[-1].end is not None and stream.tell() >= stack[-1].end:
            if stream.tell() > stack[-1].end:
                raise UnreadableInstance("an item is longer than the sequence around it")
            stack.pop()
        head = stream.read(8)
        if not stack and not head.strip(b"\0") and len(head) < 8:
            return  # the end, or a few bytes of padding
        if len(head) < 8:
            raise UnreadableInstance("the data set is truncated: it ends within an element")
        group, number = tag_of.unpack(head[:4])
        tag = group << 16 | number
        frame = stack[-1] if stack else None

        if group == 0xFFFE:
            (length,) = long.unpack(head[4:])
            if _nest(stack, tag, length, stream) and items:
                yield RawElement(stack[-1].path, tag, None, None)
            continue
        if frame is not None and not frame.is_item:
            raise UnreadableInstance("a sequence holds something that is not an item")

        implicit = frame.implicit if frame else syntax.implicit
        vr = b"" if implicit else head[4:6]
        if implicit:
            (length,) = long.unpack(head[4:])
        elif vr in LONG_FORM or (vr not in SHORT_FORM and vr.isalpha() and vr.isupper()):
            # A VR that is not known yet has the long form (PS3.5 Section 6.2).
            rest = stream.read(4)
            if len(rest) < 4:
                raise UnreadableInstance("the data set is truncated: it ends within an element")
            (length,) = long.unpack(rest)
        else:
            (length,) = short.unpack(head[6:])

        path = frame.path if frame else ()
        undefined = length == _UNDEFINED
        if undefined or (tag in sequences and (implicit or vr in (b"SQ", b"UN"))):
            if len(stack) >= _MAX_DEPTH:
                raise UnreadableInstance("sequences are nested too deep")
            # A UN of undefined length holds Implicit VR (PS3.5 Section 6.2.2, Note 4).
            inner = implicit or vr == b"UN"
            encapsulated = undefined and vr in (b"OB", b"OW")
            end = None if undefined else stream.tell() + length
            stack.append(_Frame(False, end, (*path, tag), inner, encapsulated))
            yield RawElement(path, tag, None if undefined else length, None)
        elif tag in wanted and length <= _MAX_VALUE:
            value = stream.read(length)
            if len(value) < length:
                raise UnreadableInstance("the data set is truncated: a value runs beyond its end")
            yield RawElement(path, tag, length, value)
        else:
            stream.skip(length)
            yield RawElement(path, tag, length, None)
    raise UnreadableInstance("the data set has too many elements")


def _nest(stack: list[_Frame], tag: int, length: int, stream: Stream) -> bool:
    """Open an item, or close what a delimiter ends; was an item opened?"""
    if not stack:
        raise UnreadableInstance("an item stands outside of any sequence")
    frame = stack[-1]
    if tag == ITEM and not frame.is_item:
        if frame.encapsulated:
            if length == _UNDEFINED:
                raise UnreadableInstance("a fragment of Pixel Data has no length")
            stream.skip(length)
            return False
        if len(stack) >= _MAX_DEPTH:
            raise UnreadableInstance("sequences are nested too deep")
        end = None if length == _UNDEFINED else stream.tell() + length
        stack.append(_Frame(True, end, frame.path, frame.implicit))
        return True
    if (tag == _ITEM_END and frame.is_item) or (tag == _SEQUENCE_END and not frame.is_item):
        stack.pop()
        return False
    raise UnreadableInstance("an item or a delimiter stands where none may")
