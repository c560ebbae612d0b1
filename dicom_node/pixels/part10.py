"""A Part 10 file opened once: its header in memory, its pixels left where they are."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from dicom_node.archive.encoding import InflatingStream, Syntax, walk
from dicom_node.archive.header import read_file_meta
from dicom_node.pixels.frame import ignored_warnings
from inference.domain.errors import InputError, UnreadableInstance, UnreadablePixels

DEFER = 16 << 20  # bytes; a longer value of the header stays in the file
_MAX_INFLATED = 256 << 20  # bytes
_UNDEFINED = 0xFFFFFFFF
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # PS3.3 C.7.6.24, C.7.6.25, C.7.6.3


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where the pixels are: `start` of the value in `Part10.source`; no length if encapsulated."""

    tag: int
    vr: str
    start: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Part10:
    """`header` has neither pixels nor what stands behind them: padding, and signatures.

    `elements` are the same as they were read, whatever `header` has made of them since.
    """

    path: Path
    header: FileDataset
    elements: dict[BaseTag, DataElement | RawDataElement]
    syntax: UID
    pixels: Pixels | None
    source: BinaryIO

    @property
    def is_big_endian(self) -> bool:
        return self.header.original_encoding[1] is False

    def number(self, keyword: str, default: int = 0) -> int:
        """Return an integer of the header. Raises `UnreadablePixels`."""
        try:
            with ignored_warnings():
                value = self.header.get(keyword)
            return default if value in (None, "") else int(value)
        except Exception:
            # The boundary to the parser of a value that anybody may have written.
            raise UnreadablePixels(f"{keyword} is no number") from None

    def text(self, keyword: str) -> str:
        """Return a value of the header as text, "" if it cannot be read."""
        try:
            with ignored_warnings():
                value = self.header.get(keyword)
                return "" if value is None else str(value)
        except Exception:
            # The boundary to the parser of a value that anybody may have written.
            return ""

    @property
    def frames(self) -> int:
        return max(1, self.number("NumberOfFrames", 1))


@contextmanager
def open_part10(path: Path) -> Iterator[Part10]:
    """Raises `UnreadableInstance`. Not for two threads at once."""
    with path.open("rb") as file:
        yield _read(path, file)


def _read(path: Path, file: BinaryIO) -> Part10:
    try:
        syntax = UID(read_file_meta(file).transfer_syntax_uid)
        with ignored_warnings():
            if syntax == DeflatedExplicitVRLittleEndian:
                return _inflated(path, file, syntax)
            file.seek(0)
            header = dcmread(file, defer_size=DEFER, stop_before_pixels=True)
            implicit, little = header.original_encoding
            pixels = _pixels(file, implicit, little)
            return Part10(path, header, _elements(header), syntax, pixels, file)
    except (InputError, OSError):
        raise
    except Exception as error:
        # The boundary to a parser of bytes that anybody may have written.
        raise UnreadableInstance(f"the header cannot be read: {type(error).__name__}") from error


def _inflated(path: Path, file: BinaryIO, syntax: UID) -> Part10:
    # pydicom inflates it at once; see first how much that is.
    file.seek(read_file_meta(file).data_set_offset)
    for _ in walk(InflatingStream(file, _MAX_INFLATED), Syntax(implicit=False), (), ()):
        pass
    file.seek(0)
    header = dcmread(file)
    for tag in _PIXELS:
        if tag in header:
            element = header[tag]
            data = element.value or b""
            for behind in [each for each in header.keys() if each >= tag]:  # noqa: SIM118
                del header[behind]
            pixels = Pixels(tag, element.VR, 0, len(data))
            return Part10(path, header, _elements(header), syntax, pixels, io.BytesIO(data))
    return Part10(path, header, _elements(header), syntax, None, file)


def _elements(header: FileDataset) -> dict[BaseTag, DataElement | RawDataElement]:
    return {tag: header.get_item(tag, keep_deferred=True) for tag in sorted(header.keys())}


def _pixels(file: BinaryIO, implicit: bool | None, little: bool | None) -> Pixels | None:
    """Read the head of the element at which pydicom stopped."""
    order = ">" if little is False else "<"
    head = file.read(8)
    if len(head) < 8:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    tag = group << 16 | element
    if tag not in _PIXELS:
        return None
    vr = "OW"
    if implicit:
        (length,) = struct.unpack(f"{order}L", head[4:])
    else:
        vr = head[4:6].decode("ascii", "replace")
        (length,) = struct.unpack(f"{order}L", file.read(4))
    return Pixels(tag, vr, file.tell(), None if length == _UNDEFINED else length)
