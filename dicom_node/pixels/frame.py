"""One frame out of a Part 10 file: decoded, and nothing else done to it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_node.archive.encoding import FileStream, InflatingStream, Syntax, guess_syntax, walk
from dicom_node.archive.header import read_file_meta
from dicom_node.pixels.codestream import codestream_size, repaired
from inference.domain.errors import CodecMissing, UnreadablePixels, WetreadError

_MAX_FRAME = 1 << 30  # bytes, decoded
_MAX_HEADER = 256 << 20  # bytes of a deflated data set, which is read whole
_DEFER = 16 << 20  # bytes; no such value is needed, so none is held
_PIXEL_DATA = 0x7FE00010

_PACKAGES = (  # prefix of the Transfer Syntax UID, what reads it
    ("1.2.840.10008.1.2.4.5", "pylibjpeg-libjpeg"),
    ("1.2.840.10008.1.2.4.7", "pylibjpeg-libjpeg"),
    ("1.2.840.10008.1.2.4.8", "pyjpegls"),
    ("1.2.840.10008.1.2.4.9", "pylibjpeg-openjpeg"),
    ("1.2.840.10008.1.2.4.20", "pylibjpeg-openjpeg"),
)

_QUICKEST = {JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls"}  # four times

_WARNINGS = threading.RLock()


@dataclass(frozen=True, slots=True)
class Frame:
    """`values`: (rows, columns) or (rows, columns, 3), stored values or RGB."""

    header: FileDataset
    values: NDArray[Any]
    transfer_syntax: UID


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Keep quiet about odd values, which pydicom would quote.

    Python's filters belong to the process, so one thread at a time may change them.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_frame(part10: Path, frame: int) -> Frame:
    """Decode one frame (one-based). Raises `CodecMissing` or `UnreadablePixels`."""
    syntax = UID("")
    try:
        with ignored_warnings(), part10.open("rb") as file:
            syntax = UID(read_file_meta(file).transfer_syntax_uid)
            header = _header(file, syntax)
            _check_header(header, frame)
            _check_codec(syntax)
            if syntax.is_encapsulated:
                values = _decode(_compressed_frame(file, header, frame), syntax)
            elif syntax == DeflatedExplicitVRLittleEndian:
                values = pixel_array(header, index=frame - 1)
            else:
                file.seek(0)
                values = pixel_array(file, index=frame - 1)
    except UnreadablePixels:
        raise
    except WetreadError as error:
        raise UnreadablePixels(str(error)) from error
    except Exception as error:
        # The boundary to foreign decoders, which raise anything on a corrupt frame.
        raise UnreadablePixels(f"{syntax.name or 'no transfer syntax'}: {_cause(error)}") from error
    return Frame(header, values, syntax)


def _decode(single: Dataset, syntax: UID) -> NDArray[Any]:
    if syntax == RLELossless or _number(single, "PixelRepresentation"):
        return _pixel_array(single, syntax)
    # What a lossy codec overshoots has to be clipped. pydicom takes it for junk in the unused
    # bits and cuts it off, which makes the blackest pixels white.
    values = _pixel_array(single, syntax, correct=False)
    stored = _number(single, "BitsStored", 8 * values.dtype.itemsize)
    return np.asarray(np.minimum(values, np.array((1 << stored) - 1).astype(values.dtype)))


def _pixel_array(single: Dataset, syntax: UID, *, correct: bool = True) -> NDArray[Any]:
    """Decode by the quickest package, else by any: pydicom asks for them by their names."""
    quickest = _QUICKEST.get(syntax, "")
    if quickest in get_decoder(syntax).available_plugins:
        try:
            return pixel_array(
                single, index=0, decoding_plugin=quickest, correct_unused_bits=correct
            )
        except Exception:
            # The boundary to a foreign decoder; another may be more lenient.
            pass
    return pixel_array(single, index=0, correct_unused_bits=correct)


def _header(file: BinaryIO, syntax: UID) -> FileDataset:
    file.seek(0)
    if syntax != DeflatedExplicitVRLittleEndian:
        return dcmread(file, defer_size=_DEFER, stop_before_pixels=True)
    # pydicom inflates it at once; see first how much that is.
    file.seek(read_file_meta(file).data_set_offset)
    stream = InflatingStream(file, _MAX_HEADER)
    for _ in walk(stream, Syntax(implicit=False), (), ()):
        pass
    file.seek(0)
    return dcmread(file)


def _check_header(header: FileDataset, frame: int) -> None:
    rows, columns = _number(header, "Rows"), _number(header, "Columns")
    samples = _number(header, "SamplesPerPixel", 1)
    bits = _number(header, "BitsAllocated", 8)
    if rows < 1 or columns < 1 or samples < 1:
        raise UnreadablePixels("Rows, Columns or Samples per Pixel is missing or zero")
    if rows * columns * samples * max(bits, 8) // 8 > _MAX_FRAME:
        raise UnreadablePixels(f"a frame of {rows} by {columns} pixels is larger than 1 GiB")
    frames = max(1, _number(header, "NumberOfFrames", 1))
    if not 1 <= frame <= frames:
        raise UnreadablePixels(f"there is no frame {frame}: the Instance has {frames}")


def _number(header: Dataset, keyword: str, default: int = 0) -> int:
    value = header.get(keyword)
    return default if value in (None, "") else int(value)


def can_decode(syntax: UID) -> bool:
    """Is there a codec for this transfer syntax?"""
    try:
        _check_codec(syntax)
    except CodecMissing:
        return False
    return True


def _check_codec(syntax: UID) -> None:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise CodecMissing(f"no package is known that reads {syntax.name} ({syntax})") from None
    if not decoder.is_available:
        package = next((name for prefix, name in _PACKAGES if syntax.startswith(prefix)), "")
        missing = package or ", ".join(decoder.missing_dependencies)
        raise CodecMissing(f"no codec for {syntax.name} ({syntax}): install {missing}")


def _compressed_frame(file: BinaryIO, header: FileDataset, frame: int) -> Dataset:
    return compressed_single(header, _fragments(file, header, frame))


def compressed_single(header: FileDataset, data: bytes) -> Dataset:
    """Return a data set with one compressed frame, which has the size that it says."""
    size = codestream_size(data)
    stated = (_number(header, "Rows"), _number(header, "Columns"))
    if size is not None and size != stated:
        raise UnreadablePixels(
            f"the header says {stated[0]} by {stated[1]} pixels, "
            f"the compressed frame {size[0]} by {size[1]}"
        )
    single = header.group_dataset(0x0028)
    single.file_meta = header.file_meta
    single.add_new(0x00280008, "IS", 1)  # a new element: the header's is the same object
    single.PixelData = encapsulate([repaired(data)])
    single["PixelData"].VR = "OB"
    return single


def native_single(header: FileDataset, data: bytes, tag: int, vr: str) -> Dataset:
    """Return a data set with one frame of values in little endian, in the attribute `tag`."""
    single = header.group_dataset(0x0028)
    single.file_meta = FileMetaDataset()
    single.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    single.add_new(0x00280008, "IS", 1)
    single.add_new(tag, vr, data + b"\0" * (len(data) % 2))
    return single


def _fragments(file: BinaryIO, header: FileDataset, frame: int) -> bytes:
    meta = read_file_meta(file)
    file.seek(meta.data_set_offset)
    # All transfer syntaxes with encapsulated Pixel Data are explicit, PS3.5 Section A.4.
    syntax = guess_syntax(file.read(8), Syntax(implicit=False))
    file.seek(meta.data_set_offset)
    table = header.get("ExtendedOffsetTable")
    lengths = header.get("ExtendedOffsetTableLengths")
    for element in walk(FileStream(file), syntax, (), ()):
        if element.tag == _PIXEL_DATA and not element.path:
            return get_frame(  # the file stands at the first item
                file,
                frame - 1,
                number_of_frames=max(1, _number(header, "NumberOfFrames", 1)),
                extended_offsets=(table, lengths) if table and lengths else None,
            )
    raise UnreadablePixels("there is no Pixel Data")


def _cause(error: Exception) -> str:
    """Return a short cause: the first line of several, without values of the data set."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    tried = [line for line in lines[1:] if ": " in line]
    text = (tried or lines or [type(error).__name__])[0]
    return text[:200]
