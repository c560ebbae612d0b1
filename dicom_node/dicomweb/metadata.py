"""Metadata, and the bulk data that they refer to (PS3.18 Sections 10.4.1.1.2, 10.4.1.1.5)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fastapi import Request, Response
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom_node.dicomweb.context import Context, Uids, service_url, url_of
from dicom_node.dicomweb.frames import all_frames
from dicom_node.dicomweb.header_models import HeaderModels
from dicom_node.dicomweb.media import OCTETS, wanted
from dicom_node.dicomweb.model import BINARY, as_json, model_of
from dicom_node.dicomweb.pieces import Piece, file_piece
from dicom_node.dicomweb.problems import NotAcceptable, NotFound, RangeNotSatisfiable, WebError
from dicom_node.dicomweb.responses import (
    Model,
    Part,
    Streamed,
    data_sets,
    multipart,
    not_modified,
    validators,
)
from dicom_node.pixels.frame import ignored_warnings
from dicom_node.pixels.part10 import Part10, open_part10
from inference.domain.catalog import Entry, Field, Level
from inference.domain.errors import InputError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_GROUP = 16  # Instances whose headers are made at a time
_MAX_STEPS = 33  # sequences and items on the way to a value


def metadata(context: Context, request: Request, uids: Uids) -> Response:
    """Answer with the headers of all Instances below `uids`."""
    first = context.require(uids)
    headers: dict[str, str] = {}
    if uids[-1][0] is Field.SOP_INSTANCE_UID:
        headers = validators(context.path(first), request)
        if unchanged := not_modified(request, headers):
            return unchanged
    service = service_url(request)
    known = HeaderModels()
    models = (_model(context, entry, service, known) for entry in context.instances(uids))
    return data_sets(request, models, headers, texts=_texts(context, uids, service))


def _model(context: Context, entry: Entry, service: str, known: HeaderModels) -> Model:
    url = url_of(entry, Level.INSTANCE, service)
    try:
        return known.read(context.path(entry), lambda path: f"{url}/bulkdata/{path}")
    except (InputError, OSError):
        # One broken file does not take the others of its Study away.
        return model_of(entry, Level, url)


def _texts(context: Context, uids: Uids, service: str) -> Iterator[str]:
    """Yield the same models as JSON."""
    entries, known = context.instances(uids), HeaderModels()
    while group := [(each, url_of(each, Level.INSTANCE, service)) for each in _some(entries)]:
        texts = [context.header_texts.find(entry.key, url) for entry, url in group]
        if None not in texts:
            yield from (each for each in texts if each is not None)
            continue
        # What lies elsewhere is fetched before it is our turn.
        paths = [context.path(entry) for entry, _ in group]
        with context.header_texts.turn:
            made = [
                _text(context, entry, url, path, known)
                for (entry, url), path in zip(group, paths, strict=True)
            ]
        yield from made


def _some(entries: Iterator[Entry]) -> Iterator[Entry]:
    return islice(entries, _GROUP)


def _text(context: Context, entry: Entry, url: str, path: Path, known: HeaderModels) -> str:
    text = context.header_texts.find(entry.key, url)
    if text is not None:
        return text  # another was faster
    try:
        text = known.text(path, lambda each: f"{url}/bulkdata/{each}")
    except (InputError, OSError):
        return as_json(model_of(entry, Level, url))
    context.header_texts.keep(entry.key, url, text)
    return text


def bulk_data(context: Context, request: Request, uids: Uids, path: str) -> Response:
    """Answer with one value: sequence tag, item, ..., tag, separated by slashes."""
    entry = context.require(uids)
    headers = validators(context.path(entry), request)
    if unchanged := not_modified(request, headers):
        return unchanged
    steps = path.split("/")
    if len(steps) > _MAX_STEPS or not all(
        re.fullmatch(r"[0-9A-Fa-f]{8}" if number % 2 == 0 else r"[1-9]\d{0,8}", step)
        for number, step in enumerate(steps)
    ):
        raise WebError("a bulk data path is tag/item/…/tag")
    with open_part10(context.path(entry)) as part10:
        pixels = part10.pixels
        if pixels is not None and steps == [f"{pixels.tag:08X}"]:
            if pixels.length is None or part10.is_big_endian:
                return all_frames(context, request, entry, headers)
            if not isinstance(part10.source, io.BytesIO):
                return _from_file(request, part10, pixels.start, pixels.length, headers)
            part10.source.seek(pixels.start)
            return _octets(request, part10.source.read(pixels.length), headers)
        element = _find(part10.header, steps)
        if isinstance(element, RawDataElement):
            return _from_file(request, part10, element.value_tell, element.length, headers)
        return _octets(request, element, headers)


def _find(header: Dataset, steps: list[str]) -> RawDataElement | bytes:
    """Return the value, or where it is in the file if it is too long to be read."""
    data_set = header
    try:
        with ignored_warnings():
            for sequence, item in zip(steps[:-1:2], steps[1::2], strict=True):
                data_set = data_set[Tag(sequence)].value[int(item) - 1]
            tag = Tag(steps[-1])
            raw = data_set.get_item(tag, keep_deferred=True)
            if isinstance(raw, RawDataElement) and raw.value is None and raw.length:
                return raw
            element = data_set[tag]
    except Exception as error:
        # The boundary to a parser; whatever is wrong, there is no such value.
        raise NotFound("there is no such value") from error
    if element.VR not in BINARY:
        raise NotFound("this value is not bulk data; it stands in the metadata")
    return bytes(element.value or b"")


def _from_file(
    request: Request, part10: Part10, start: int, length: int, headers: dict[str, str]
) -> Response:
    first, count = _range(request, length)
    chunks = file_piece(part10.path, start + first, count)
    return _answer(request, chunks, first, count, length, headers)


def _octets(request: Request, value: bytes, headers: dict[str, str]) -> Response:
    first, count = _range(request, len(value))
    chunks = iter((value[first : first + count],))
    return _answer(request, chunks, first, count, len(value), headers)


def _answer(
    request: Request,
    chunks: Iterator[Piece],
    first: int,
    count: int,
    length: int,
    headers: dict[str, str],
) -> Response:
    headers = headers | {"Accept-Ranges": "bytes"}
    for each in wanted(request):
        if not each.takes(OCTETS):
            continue
        if each.multipart:
            return multipart((Part(OCTETS, chunks),), OCTETS, headers)
        headers["Content-Length"] = str(count)
        if count < length:
            headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{length}"
        return Streamed(chunks, 206 if count < length else 200, headers, OCTETS)
    raise NotAcceptable(f"acceptable is {OCTETS}")


def _range(request: Request, length: int) -> tuple[int, int]:
    """Return the first byte and the count (RFC 9110 Section 14.2); several ranges are all."""
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return 0, length
    if not match[1]:
        count = min(int(match[2]), length)
        first = length - count
    else:
        first = int(match[1])
        count = min(int(match[2]) if match[2] else length - 1, length - 1) - first + 1
    if count <= 0 or first >= length:
        raise RangeNotSatisfiable(
            f"there are {length} bytes", {"Content-Range": f"bytes */{length}"}
        )
    return first, count
