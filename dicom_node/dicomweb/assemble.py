"""Instances out of metadata and bulk data (PS3.18 Section 10.5.2): what STOW-RS also takes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_node.dicomweb.media import OCTETS
from dicom_node.dicomweb.pieces import file_piece, in_memory
from dicom_node.dicomweb.problems import WebError
from dicom_node.dicomweb.upload import Received
from dicom_node.dimse.file_meta import part10_head
from dicom_node.dimse.spool import Spool
from dicom_node.pixels.frame import ignored_warnings
from inference.domain.errors import UnreadableInstance, WetreadError
from inference.domain.uid import check_uid
from inference.ports import Archive

MAX_METADATA = 64 << 20  # bytes, which are read whole
_MAX_MODELS = 20_000  # a line of text could name a million, each with a file of its own
_MAX_VALUES = 256 << 20  # bytes of bulk data other than pixels, of one Instance
_PIXEL_DATA = "7FE00010"
_NOT_KEPT = ("00020010", "00083002")  # Transfer Syntax UID, Available Transfer Syntax UID
_DEFAULTS = {  # PS3.18 Table 8.7.3-5
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
}


def read_models(metadata: Received) -> Sequence[Mapping[str, Any]]:
    """Return the data sets of the first part. Raises `WebError`."""
    if metadata.path.stat().st_size > MAX_METADATA:
        raise WebError(f"the metadata are longer than {MAX_METADATA >> 20} MiB")
    try:
        models = json.loads(metadata.path.read_bytes())
    except (ValueError, RecursionError):
        raise WebError("the metadata are not JSON") from None
    models = [models] if isinstance(models, dict) else models
    if not isinstance(models, list) or not all(isinstance(each, dict) for each in models):
        raise WebError("the metadata are no data sets (PS3.18 Annex F)")
    if not models:
        raise WebError("there is no Instance in the request")
    if len(models) > _MAX_MODELS:
        raise WebError(f"more than {_MAX_MODELS} data sets")
    return models


def assemble(archive: Archive, model: Mapping[str, Any], bulk: Mapping[str, Received]) -> Spool:
    """Write the Part 10 file of a model. Raises `UnreadableInstance` or `ResourceError`."""
    header = {tag: value for tag, value in model.items() if tag not in (_PIXEL_DATA, *_NOT_KEPT)}
    try:
        pixels = model.get(_PIXEL_DATA)
        part = _part(pixels, bulk) if pixels is not None else None
        inline = {_PIXEL_DATA: pixels} if pixels is not None and part is None else {}
        syntax = _syntax(part)
        data_set = _data_set({**header, **inline}, bulk)
        head = part10_head(
            str(data_set.get("SOPClassUID", "")),
            str(data_set.get("SOPInstanceUID", "")),
            syntax,
            "",
        )
        written = _written(data_set)
        behind = list(_pixel_head(part, syntax, data_set)) if part is not None else []
    except WetreadError:
        raise
    except (Exception, RecursionError) as error:
        # The boundary to a parser of values that anybody may have written.
        raise UnreadableInstance(
            f"the metadata make no data set: {type(error).__name__}"
        ) from error
    spool = Spool(archive, head)
    spool.write(written)
    for piece in behind:
        spool.write(piece)
    if part is not None:
        for chunk in in_memory(file_piece(part.path)):
            spool.write(chunk)
        spool.write(_padding(part, syntax))
    if spool.error is not None:
        raise spool.error
    spool.close()
    return spool


def _part(value: Any, bulk: Mapping[str, Received]) -> Received | None:
    uri = value.get("BulkDataURI")
    if uri is None:
        return None
    if uri not in bulk:
        raise UnreadableInstance("bulk data that the metadata name have not come")
    return bulk[uri]


def _syntax(part: Received | None) -> str:
    if part is None:
        return str(ExplicitVRLittleEndian)
    named = part.media.parameters.get("transfer-syntax", "")
    if part.media.name == OCTETS:
        return check_uid(named) if named else str(ExplicitVRLittleEndian)
    if named:
        return check_uid(named)
    if part.media.name not in _DEFAULTS:
        raise UnreadableInstance(f"{part.media.name} is no media type of Pixel Data")
    return _DEFAULTS[part.media.name]


def _data_set(model: Mapping[str, Any], bulk: Mapping[str, Received]) -> Dataset:
    taken = 0

    def value(_tag: str, _vr: str, uri: str) -> bytes:
        nonlocal taken
        if uri not in bulk:
            raise UnreadableInstance("bulk data that the metadata name have not come")
        taken += bulk[uri].path.stat().st_size
        if taken > _MAX_VALUES:
            raise UnreadableInstance("the bulk data are too long")
        return bulk[uri].path.read_bytes()

    with ignored_warnings():
        data_set: Dataset = Dataset.from_json(dict(model), value)
        # JSON is UTF-8, whatever the metadata say (PS3.18 Section F.2).
        data_set.SpecificCharacterSet = "ISO_IR 192"
        return data_set


def _written(data_set: Dataset) -> bytes:
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    with ignored_warnings():
        data_set.set_original_encoding(False, True)
        write_dataset(written, data_set)
    return bytes(written.getvalue())


def _pixel_head(part: Received, syntax: str, data_set: Dataset) -> Iterator[bytes]:
    size = part.path.stat().st_size
    if not UID(syntax).is_encapsulated:
        vr = b"OW" if int(data_set.get("BitsAllocated") or 8) > 8 else b"OB"
        yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, vr, 0, size + size % 2)
        return
    if int(data_set.get("NumberOfFrames") or 1) > 1:
        raise UnreadableInstance("several compressed frames in one part cannot be told apart")
    yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    yield struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    yield struct.pack("<HHL", 0xFFFE, 0xE000, size + size % 2)


def _padding(part: Received, syntax: str) -> bytes:
    padding = b"\0" * (part.path.stat().st_size % 2)
    if UID(syntax).is_encapsulated:
        padding += struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return padding
