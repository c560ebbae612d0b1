"""A Part 10 file in another transfer syntax, frame by frame, never in memory as a whole.

The header's bytes are taken over value by value, without reading what they mean: a value that
breaks its VR leaves as it came.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.dimse.file_meta import part10_head
from dicom_node.pixels.compress import encoded
from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.frames import Frames, swapped
from dicom_node.pixels.part10 import Part10
from inference.domain.errors import UnreadableInstance, UnreadablePixels

_LONG = frozenset(
    ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
)  # PS3.5 Section 7.1.2
_WORDS = {
    "AT": 2,
    "US": 2,
    "SS": 2,
    "OW": 2,
    "UL": 4,
    "SL": 4,
    "FL": 4,
    "OF": 4,
    "OL": 4,
    "FD": 8,
    "OD": 8,
    "SV": 8,
    "UV": 8,
    "OV": 8,
}  # bytes that big endian turns round, PS3.5 Section 7.3
_UNDEFINED = 0xFFFFFFFF
_CHUNK = 1 << 20  # bytes
_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_END_OF_SEQUENCE = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
_END_OF_ITEM = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002)
_Head = Callable[[int, str, int], bytes]  # from tag, VR and length
_PHOTOMETRIC, _PLANAR = 0x00280004, 0x00280006


def transcoded(part10: Part10, target: str) -> Iterator[bytes]:
    """Yield the file in `target`: Explicit or Implicit VR Little Endian, or what `encoded` makes.

    What has no pixels cannot be compressed, and leaves in Explicit VR Little Endian instead.
    """
    frames = Frames(part10) if part10.pixels is not None else None
    if frames is None and target not in _UNCOMPRESSED:
        target = ExplicitVRLittleEndian
    yield part10_head(part10.text("SOPClassUID"), part10.text("SOPInstanceUID"), target, "")
    head = _implicit_head if target == ImplicitVRLittleEndian else _explicit_head
    changes: dict[int, bytes] = {}
    if frames is not None and (frames.is_encapsulated or target not in _UNCOMPRESSED):
        photometric = frames.photometric.encode()
        changes[_PHOTOMETRIC] = photometric + b" " * (len(photometric) % 2)
        if part10.number("SamplesPerPixel", 1) > 1:
            changes[_PLANAR] = b"\0\0"
    yield from _data_set(part10.elements, part10, changes, head)
    if frames is not None and part10.pixels is not None:
        if target not in _UNCOMPRESSED:
            yield from _compressed(part10, frames, target)
        elif frames.is_encapsulated:
            yield from _decoded(part10, frames, head)
        else:
            yield from _copied(part10, frames, head)


def uncompressed_length(frames: Frames) -> int:
    return frames.frame_length * frames.count


def _data_set(
    elements: Mapping[BaseTag, DataElement | RawDataElement],
    part10: Part10,
    changes: Mapping[int, bytes],
    head: _Head,
) -> Iterator[bytes]:
    for tag, element in elements.items():
        if tag.element == 0 or tag in _OFFSET_TABLES:
            continue  # group lengths would be wrong now; offsets belong to fragments
        vr = element.VR or _vr(tag, part10)
        if tag in changes:
            yield head(tag, vr, len(changes[tag])) + changes[tag]
        elif vr == "SQ":
            yield from _sequence(element, part10, head)
        elif isinstance(element, RawDataElement):
            yield from _value(element, vr, part10, head)
        else:
            yield _written(element, head)


def _sequence(
    element: DataElement | RawDataElement, part10: Part10, head: _Head
) -> Iterator[bytes]:
    try:
        with ignored_warnings():
            if isinstance(element, RawDataElement):
                element = convert_raw_data_element(element._replace(VR="SQ"))
            items = list(element.value or ())
    except Exception as error:
        # The boundary to the parser of a sequence.
        raise UnreadableInstance(f"the sequence {element.tag} cannot be read") from error
    yield head(element.tag, "SQ", _UNDEFINED)
    for item in items:
        inner = {tag: item.get_item(tag, keep_deferred=True) for tag in sorted(item.keys())}
        yield struct.pack("<HHL", 0xFFFE, 0xE000, _UNDEFINED)
        yield from _data_set(inner, part10, {}, head)
        yield _END_OF_ITEM
    yield _END_OF_SEQUENCE


def _value(raw: RawDataElement, vr: str, part10: Part10, head: _Head) -> Iterator[bytes]:
    if raw.value is None and raw.length:
        yield from _deferred(raw, vr, part10, head)
        return
    value = raw.value or b""
    if part10.is_big_endian:
        value = swapped(value, _WORDS.get(vr, 1))
    yield head(raw.tag, vr, len(value)) + value


def _written(element: DataElement, head: _Head) -> bytes:
    """Encode what pydicom has decoded while it read, Specific Character Set among others."""
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, head is _implicit_head
    try:
        with ignored_warnings():
            write_data_element(written, element)
    except Exception as error:
        # The boundary to the encoder of a value that anybody may have written.
        raise UnreadableInstance(f"the value of {element.tag} cannot be written") from error
    return bytes(written.getvalue())


def _deferred(raw: RawDataElement, vr: str, part10: Part10, head: _Head) -> Iterator[bytes]:
    yield head(raw.tag, vr, raw.length)
    width = _WORDS.get(vr, 1) if part10.is_big_endian else 1
    with part10.path.open("rb") as file:
        file.seek(raw.value_tell)
        left = raw.length
        while left:
            data = file.read(min(_CHUNK, left))
            if not data:
                raise UnreadableInstance("the data set is truncated")
            left -= len(data)
            yield swapped(data, width)


def _vr(tag: BaseTag, part10: Part10) -> str:
    """Return the VR of an element that came without one."""
    if tag.is_private:
        return "LO" if 0x10 <= tag.element <= 0xFF else "UN"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    if vr == "US or SS":
        return "SS" if part10.number("PixelRepresentation") == 1 else "US"
    if " or " in vr:  # "OB or OW", "US or OW", "US or SS or OW": in implicit VR, words
        return "OW"
    return vr


def _implicit_head(tag: int, vr: str, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)


def _explicit_head(tag: int, vr: str, length: int) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if vr not in _LONG and length > 0xFFFE:
        vr = "UN"  # PS3.5 Section 6.2.2, Note 1
    if vr in _LONG:
        return head + vr.encode() + struct.pack("<HL", 0, length)
    return head + vr.encode() + struct.pack("<H", length)


def _copied(part10: Part10, frames: Frames, head: _Head) -> Iterator[bytes]:
    pixels, source = part10.pixels, part10.source
    assert pixels is not None
    assert pixels.length is not None
    yield head(pixels.tag, pixels.vr if pixels.vr in _LONG else "OW", pixels.length)
    source.seek(pixels.start)
    width = frames.word if part10.is_big_endian else 1
    left = pixels.length
    while left:
        data = source.read(min(_CHUNK, left))
        if not data:
            raise UnreadablePixels("the Pixel Data are truncated")
        left -= len(data)
        yield swapped(data, width) if width > 1 else data


def _decoded(part10: Part10, frames: Frames, head: _Head) -> Iterator[bytes]:
    length = uncompressed_length(frames)
    vr = "OW" if part10.number("BitsAllocated", 8) > 8 else "OB"
    yield head(0x7FE00010, vr, length + length % 2)
    for number in range(1, frames.count + 1):
        data = frames.uncompressed(number)
        if len(data) != frames.frame_length:
            raise UnreadablePixels(f"frame {number} is not of the size that the header says")
        yield data
    if length % 2:
        yield b"\0"


def _compressed(part10: Part10, frames: Frames, target: str) -> Iterator[bytes]:
    yield _explicit_head(0x7FE00010, "OB", _UNDEFINED)
    yield struct.pack("<HHL", 0xFFFE, 0xE000, 0)  # an empty Basic Offset Table, PS3.5 A.4
    for number in range(1, frames.count + 1):
        data = encoded(part10, frames, number, target)
        data += b"\0" * (len(data) % 2)
        yield struct.pack("<HHL", 0xFFFE, 0xE000, len(data)) + data
    yield _END_OF_SEQUENCE
