"""Pixel Data, frame by frame (PS3.18 Section 10.4.1.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import Request, Response
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.dicomweb.context import Context, Uids
from dicom_node.dicomweb.media import OCTETS, Wanted, wanted
from dicom_node.dicomweb.problems import NotAcceptable, NotFound, WebError
from dicom_node.dicomweb.responses import Part, Streamed, multipart, not_modified, validators
from dicom_node.pixels.compress import can_encode, encoded
from dicom_node.pixels.frame import can_decode
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.part10 import Part10, open_part10
from inference.domain.catalog import Entry
from inference.domain.errors import UnreadablePixels

_LIST = re.compile(r"[1-9]\d{0,8}(,[1-9]\d{0,8})*")
_MAX_FRAMES = 10_000
_JPEG, _JLS, _JP2, _RLE = "image/jpeg", "image/jls", "image/jp2", "image/dicom-rle"
_MEDIA = {  # PS3.18 Tables 8.7.3-4 and 8.7.3-5
    "1.2.840.10008.1.2.4.50": _JPEG,
    "1.2.840.10008.1.2.4.51": _JPEG,
    "1.2.840.10008.1.2.4.57": _JPEG,
    "1.2.840.10008.1.2.4.70": _JPEG,
    "1.2.840.10008.1.2.4.80": _JLS,
    "1.2.840.10008.1.2.4.81": _JLS,
    "1.2.840.10008.1.2.4.90": _JP2,
    "1.2.840.10008.1.2.4.91": _JP2,
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": _RLE,
    "1.2.840.10008.1.2.4.100": "video/mpeg",
    "1.2.840.10008.1.2.4.101": "video/mpeg",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
    "1.2.840.10008.1.2.4.107": "video/H265",
    "1.2.840.10008.1.2.4.108": "video/H265",
}
_MADE = {_JLS: str(JPEGLSLossless), _JP2: str(JPEG2000Lossless), _RLE: str(RLELossless)}


@dataclass(frozen=True, slots=True)
class _Choice:
    media: str
    transfer_syntax: str
    multipart: bool


def frames(context: Context, request: Request, uids: Uids, numbers: str) -> Response:
    """Answer with some frames, in the order that is asked for."""
    entry = context.require(uids)
    headers = validators(context.path(entry), request)
    if unchanged := not_modified(request, headers):
        return unchanged
    return _frames(context, request, entry, frame_numbers(numbers), headers)


def frame_numbers(text: str) -> Sequence[int]:
    """Raises `WebError`."""
    if len(text) > 10 * _MAX_FRAMES or not _LIST.fullmatch(text):
        raise WebError("frames are numbers from 1 on, separated by commas")
    numbers = [int(each) for each in text.split(",")]
    if len(numbers) > _MAX_FRAMES:
        raise WebError(f"at most {_MAX_FRAMES} frames come at once")
    return numbers


def all_frames(
    context: Context, request: Request, entry: Entry, headers: dict[str, str]
) -> Response:
    """Answer with the Pixel Data of an Instance, frame by frame."""
    return _frames(context, request, entry, None, headers)


def _frames(
    context: Context,
    request: Request,
    entry: Entry,
    numbers: Sequence[int] | None,
    headers: dict[str, str],
) -> Response:
    path = context.path(entry)
    with open_part10(path) as part10:
        if part10.pixels is None:
            raise NotFound("this Instance has no frames")
        found = Frames(part10)
        if numbers is None:
            numbers = range(1, found.count + 1)
        missing = [each for each in numbers if each > found.count]
        if missing:
            raise NotFound(f"there is no frame {missing[0]}: the Instance has {found.count}")
        choice = _choose(request, part10, found, single=len(numbers) == 1)
        first = _frame(part10, found, choice, numbers[0])

    def contents() -> Iterator[bytes]:
        yield first
        with open_part10(path) as part10:
            found = Frames(part10)
            for number in numbers[1:]:
                yield _frame(part10, found, choice, number)

    media = f"{choice.media}; transfer-syntax={choice.transfer_syntax}"
    if not choice.multipart:
        return Streamed(iter((first,)), 200, headers, media)
    parts = (
        Part(media, (content,), {"Content-Location": f"{_instance(request)}/frames/{number}"})
        for number, content in zip(numbers, contents(), strict=True)
    )
    return multipart(parts, choice.media, headers)


def _instance(request: Request) -> str:
    url = str(request.url.replace(query=""))
    return url.rsplit("/frames/", 1)[0].rsplit("/bulkdata/", 1)[0]


def _frame(part10: Part10, found: Frames, choice: _Choice, number: int) -> bytes:
    if choice.transfer_syntax == ExplicitVRLittleEndian:
        return found.uncompressed(number)
    if choice.transfer_syntax == str(part10.syntax):
        return found.stored(number)
    return encoded(part10, found, number, choice.transfer_syntax)


def _choose(request: Request, part10: Part10, found: Frames, *, single: bool) -> _Choice:
    for each in wanted(request):
        in_parts = each.multipart is not False
        if not in_parts and not single:
            continue
        choice = _offer(each, part10, found)
        if choice is not None:
            return _Choice(*choice, in_parts)
    raise NotAcceptable(
        f"acceptable are {OCTETS}, uncompressed, where that can be decoded, and "
        f"{_MEDIA.get(str(part10.syntax), OCTETS)}; transfer-syntax={part10.syntax}"
    )


def _offer(wish: Wanted, part10: Part10, found: Frames) -> tuple[str, str] | None:
    held = str(part10.syntax) if found.is_encapsulated else str(ExplicitVRLittleEndian)
    media = _MEDIA.get(held, OCTETS)
    plain = str(ExplicitVRLittleEndian)
    asked = wish.transfer_syntax
    decodable = not found.is_encapsulated or can_decode(part10.syntax)
    if wish.takes(OCTETS) and asked in ("", plain) and decodable:
        return OCTETS, plain
    if asked in ("", "*", held) and wish.takes(media):
        return media, held
    if asked == "*" and wish.takes(OCTETS):
        return OCTETS, held
    made = _MADE.get(wish.media)
    if made is not None and asked in ("", made) and decodable and can_encode(made):
        try:
            encoded(part10, found, 1, made)
        except UnreadablePixels:
            return None
        return wish.media, made
    return None
