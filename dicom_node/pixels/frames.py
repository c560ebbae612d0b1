"""Frame after frame of one Part 10 file: as it is kept, or decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames, get_frame
from pydicom.pixels.utils import pixel_array

from dicom_node.pixels import frame as single
from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.part10 import Part10, Pixels
from inference.domain.errors import UnreadablePixels

_MAX_FRAME = 1 << 30  # bytes


class Frames:
    """The frames of an open file. Every method raises `UnreadablePixels` or `CodecMissing`."""

    def __init__(self, part10: Part10) -> None:
        if part10.pixels is None:
            raise UnreadablePixels("there is no Pixel Data")
        self._part10 = part10
        self._pixels: Pixels = part10.pixels
        self.count = part10.frames

    @property
    def is_encapsulated(self) -> bool:
        return self._pixels.length is None

    def check(self, frame: int = 1) -> None:
        """See that `frame` (one-based) can be decoded, as far as the header tells."""
        try:
            with ignored_warnings():
                single._check_header(self._part10.header, frame)
        except UnreadablePixels:
            raise
        except Exception as error:
            # The boundary to the parser of values that anybody may have written.
            raise UnreadablePixels(f"the header cannot be read: {type(error).__name__}") from error
        if self.is_encapsulated:
            single._check_codec(self._part10.syntax)

    @property
    def frame_length(self) -> int:
        """Return the length of an uncompressed frame, in bytes; of bits, in whole bytes."""
        return (self._frame_bits + 7) // 8

    @property
    def _frame_bits(self) -> int:
        number = self._part10.number
        samples = number("SamplesPerPixel", 1)
        photometric = self._part10.text("PhotometricInterpretation")
        if photometric == "YBR_FULL_422" and not self.is_encapsulated:
            samples = 2  # PS3.3 C.7.6.3.1.2: two pixels share their chrominance
        bits = number("Rows") * number("Columns") * samples * number("BitsAllocated", 8)
        if not 0 < bits <= _MAX_FRAME * 8:
            raise UnreadablePixels("Rows, Columns or Bits Allocated make no frame")
        return bits

    def stored(self, frame: int) -> bytes:
        """Return a frame as it is kept: its codestream, or its values in little endian."""
        if not 1 <= frame <= self.count:
            raise UnreadablePixels(f"there is no frame {frame}: the Instance has {self.count}")
        source = self._part10.source
        if not self.is_encapsulated:
            return self._native(frame)
        header = self._part10.header
        table = header.get("ExtendedOffsetTable")
        lengths = header.get("ExtendedOffsetTableLengths")
        try:
            source.seek(self._pixels.start)
            return get_frame(
                source,
                frame - 1,
                number_of_frames=self.count,
                extended_offsets=(table, lengths) if table and lengths else None,
            )
        except Exception as error:
            # The boundary to the parser of the fragments.
            raise UnreadablePixels(f"frame {frame} cannot be found") from error

    def each(self) -> Iterator[bytes]:
        """Yield all frames as `stored` returns them, in one pass over the fragments."""
        if not self.is_encapsulated:
            yield from map(self._native, range(1, self.count + 1))
            return
        found, frame = self._encapsulated(), 0
        # Offset tables may point at the same bytes over and over.
        left = self._part10.path.stat().st_size
        while frame < self.count:
            frame += 1
            try:
                data = next(found, None)
            except Exception as error:
                # The boundary to the parser of the fragments.
                raise UnreadablePixels(f"frame {frame} cannot be found") from error
            if data is None or len(data) > left:
                raise UnreadablePixels(f"frame {frame} cannot be found")
            left -= len(data)
            yield data

    def _encapsulated(self) -> Iterator[bytes]:
        header, source = self._part10.header, self._part10.source
        table = header.get("ExtendedOffsetTable")
        lengths = header.get("ExtendedOffsetTableLengths")
        source.seek(self._pixels.start)
        yield from generate_frames(
            source,
            number_of_frames=self.count,
            extended_offsets=(table, lengths) if table and lengths else None,
        )

    def decoded(self, stored: bytes) -> NDArray[Any]:
        """Decode what `each` yields: (rows, columns) or (rows, columns, 3); YBR becomes RGB."""
        part10 = self._part10
        try:
            with ignored_warnings():
                if self.is_encapsulated:
                    return single._decode(
                        single.compressed_single(part10.header, stored), part10.syntax
                    )
                tag, vr = self._pixels.tag, self._pixels.vr
                return pixel_array(single.native_single(part10.header, stored, tag, vr), index=0)
        except UnreadablePixels:
            raise
        except Exception as error:
            # The boundary to foreign decoders, which raise anything on a corrupt frame.
            raise UnreadablePixels(f"{part10.syntax.name}: {single._cause(error)}") from error

    def uncompressed(self, frame: int) -> bytes:
        """Return the values in little endian, rows after rows, colours by pixel."""
        if not self.is_encapsulated:
            return self.stored(frame)
        values = self.values(frame)
        return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()

    def values(self, frame: int) -> NDArray[Any]:
        """Decode a compressed frame: (rows, columns) or (rows, columns, 3); YBR becomes RGB."""
        self.check(frame)
        part10 = self._part10
        try:
            with ignored_warnings():
                found = single._compressed_frame(part10.source, part10.header, frame)
                return single._decode(found, part10.syntax)
        except UnreadablePixels:
            raise
        except Exception as error:
            # The boundary to foreign decoders, which raise anything on a corrupt frame.
            raise UnreadablePixels(f"{part10.syntax.name}: {single._cause(error)}") from error

    @property
    def photometric(self) -> str:
        """Return the Photometric Interpretation of what `uncompressed` returns."""
        said = self._part10.text("PhotometricInterpretation")
        return "RGB" if self.is_encapsulated and said.startswith("YBR") else said

    def _native(self, frame: int) -> bytes:
        bits, source = self._frame_bits, self._part10.source
        first = (frame - 1) * bits
        start, end = first // 8, (first + bits + 7) // 8
        if self._pixels.length is not None and end > self._pixels.length:
            raise UnreadablePixels("the Pixel Data are shorter than the header says")
        source.seek(self._pixels.start + start)
        data = source.read(end - start)
        if len(data) < end - start:
            raise UnreadablePixels("the Pixel Data are truncated")
        if self._part10.is_big_endian and (width := self.word) > 1:
            data = swapped(data, width)
        if bits % 8 == 0:
            return data
        # Frames of bits follow each other without a gap (PS3.5 Section 8.1.1).
        single_bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        wanted = single_bits[first % 8 : first % 8 + bits]
        return np.packbits(wanted, bitorder="little").tobytes()

    @property
    def word(self) -> int:
        """Return the size of what big endian turns round, in bytes."""
        allocated = self._part10.number("BitsAllocated", 8)
        if allocated > 8:
            return allocated // 8
        return 2 if self._pixels.vr == "OW" else 1


def swapped(data: bytes, width: int) -> bytes:
    """Return `data` with the bytes of each word turned round."""
    whole = len(data) - len(data) % width
    words = np.frombuffer(data[:whole], dtype=f">u{width}")
    return words.astype(f"<u{width}").tobytes() + data[whole:]
