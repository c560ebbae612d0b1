"""What a compressed frame says of its own size, before a decoder believes it.

A codestream of some bytes may claim 65,535 by 65,535 samples, and a decoder then asks for
all of that memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SOF_SEQUENTIAL = frozenset((0xC0, 0xC1))
_SOS = 0xDA
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ISO/IEC 10918-1 Table B.1
_SOF_JPEG_LS = 0xF7  # ISO/IEC 14495-1 Section C.1.1


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) of a JPEG, JPEG-LS or JPEG 2000 codestream; None if unknown."""
    if frame[:4] == b"\x00\x00\x00\x0c":  # in a JP2 box
        start = frame.find(b"\xff\x4f\xff\x51")
        frame = frame[start:] if start >= 0 else b""
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) >= 24:  # SOC, SIZ of ISO/IEC 15444-1
        width, height, left, top = struct.unpack(">4L", frame[8:24])
        return max(0, height - top), max(0, width - left)
    if frame[:2] == b"\xff\xd8":
        return _jpeg_size(frame)
    return None


def repaired(frame: bytes) -> bytes:
    """Mend a scan header that names no coefficients but the first.

    Sequential JPEG has to say 0 to 63 (ISO/IEC 10918-1 Table B.3). An old encoder, which
    made NEMA's 12 bit test images among others, says 0 to 0, and strict decoders stop.
    """
    sequential = False
    for marker, start, length in _segments(frame):
        if marker in _SOF:
            sequential = marker in _SOF_SEQUENTIAL
        if marker == _SOS and sequential and length >= 6:
            selection = start + length - 3
            if frame[selection : selection + 3] == b"\0\0\0":
                return frame[:selection] + b"\x00\x3f\x00" + frame[selection + 3 :]
    return frame


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    for marker, start, length in _segments(frame):
        if (marker in _SOF or marker == _SOF_JPEG_LS) and length >= 7:
            rows, columns = struct.unpack(">HH", frame[start + 3 : start + 7])
            return rows, columns
    return None


def _segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of the segments up to the first scan.

    Start is that of the length field, which counts itself.
    """
    position = 2
    while frame[:2] == b"\xff\xd8" and position + 4 <= len(frame):
        if frame[position] != 0xFF:
            return
        marker = frame[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        (length,) = struct.unpack(">H", frame[position + 2 : position + 4])
        if position + 2 + length > len(frame):
            return
        yield marker, position + 2, length
        if marker == _SOS:
            return
        position += 2 + length
