"""Instances as Part 10 files (PS3.18 Section 10.4.1.1.1): WADO-RS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from fastapi import Request, Response
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.header import read_file_meta
from dicom_node.dicomweb.context import Context, Uids, service_url, url_of
from dicom_node.dicomweb.media import DICOM, wanted
from dicom_node.dicomweb.pieces import Piece, file_piece
from dicom_node.dicomweb.problems import NotAcceptable
from dicom_node.dicomweb.responses import (
    Part,
    Streamed,
    behind,
    multipart,
    not_modified,
    validators,
)
from dicom_node.pixels.compress import TARGETS, can_encode, encoded
from dicom_node.pixels.frame import can_decode
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.part10 import Part10, open_part10
from dicom_node.pixels.transcode import transcoded, uncompressed_length
from inference.domain.catalog import Entry, Field, Level

_UNCOMPRESSED = frozenset(
    (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    )
)
_NOT_SENT = frozenset((ImplicitVRLittleEndian, ExplicitVRBigEndian))  # Section 8.7.3
_LOSSY = frozenset(
    f"1.2.840.10008.1.2.4.{each}"
    for each in (
        50,
        51,
        81,
        91,
        93,
        *range(100, 109),
        "100.1",
        "101.1",
        "102.1",
        "103.1",
        "104.1",
        "105.1",
        "106.1",
        112,
        203,
    )
)
_MAX_PIXELS = 0xFFFFFFFE  # bytes that an element of defined length can have


def retrieve(context: Context, request: Request, uids: Uids) -> Response:
    """Answer with all Instances below `uids`, each in the transfer syntax that is chosen."""
    first = context.require(uids)
    service = service_url(request)
    is_instance = uids[-1][0] is Field.SOP_INSTANCE_UID
    kinds: set[tuple[str, bool]] = set()
    for each in wanted(request):
        if not each.takes(DICOM):
            continue
        if each.multipart is False and not is_instance:
            continue
        target = each.transfer_syntax
        kinds = kinds or {_kind(context, entry) for entry in context.instances(uids)}
        if not all(_possible(held, has_pixels, target) for held, has_pixels in kinds):
            continue
        headers = validators(context.path(first), request) if is_instance else {}
        headers["Content-Location"] = str(request.url)
        if is_instance and (unchanged := not_modified(request, headers)):
            return unchanged
        if each.multipart is False:
            syntax, chunks = part10_chunks(context, first, target)
            media = f"{DICOM}; transfer-syntax={syntax}"
            return Streamed(chunks, 200, headers, media)
        parts = _parts(context, context.instances(uids), target, service)
        # The first shows its errors before there is a status.
        return multipart(chain((next(parts),), parts), DICOM, headers)
    raise NotAcceptable(
        f'acceptable is multipart/related; type="{DICOM}", with the transfer-syntax '
        f"{ExplicitVRLittleEndian} where that can be decoded, or * for what is held"
    )


def _parts(context: Context, entries: Iterable[Entry], target: str, service: str) -> Iterator[Part]:
    first = True
    for entry in entries:
        syntax, chunks = part10_chunks(context, entry, target, check=first)
        first = False
        location = url_of(entry, Level.INSTANCE, service)
        media = f"{DICOM}; transfer-syntax={syntax}"
        yield Part(media, chunks, {"Content-Location": location})


def part10_chunks(
    context: Context, entry: Entry, target: str, *, check: bool = True
) -> tuple[str, Iterator[Piece]]:
    """Return the transfer syntax and the bytes of the file in `target`, see `_made`.

    With `check`, what is wrong with the pixels shows before there is a status.
    """
    path = context.path(entry)
    held = held_syntax(context, entry)
    target = _made(held, target)
    if target == held:
        return held, file_piece(path)
    chunks: Iterator[Piece] = _transcoded(context, entry, target, check)
    if not check:
        return target, chunks
    return target, behind(chunks, next(chunks))


def _transcoded(context: Context, entry: Entry, target: str, check: bool) -> Iterator[Piece]:
    with open_part10(context.path(entry)) as part10:
        if check:
            check_transcoding(part10, target)
        yield from transcoded(part10, target)


def check_transcoding(part10: Part10, target: str) -> None:
    """Try the first frame, while there still is a status to tell what is wrong with it.

    Raises `NotAcceptable` or `UnreadablePixels`.
    """
    if part10.pixels is None:
        return
    frames = Frames(part10)
    if target in TARGETS:
        encoded(part10, frames, 1, target)
    elif frames.is_encapsulated:
        frames.values(1)
        if uncompressed_length(frames) > _MAX_PIXELS:
            raise NotAcceptable("the Instance is larger than 4 GiB when it is uncompressed")


def held_syntax(context: Context, entry: Entry) -> str:
    """Return the transfer syntax of the file."""
    known = entry.text(Field.AVAILABLE_TRANSFER_SYNTAX_UID)
    if known:
        return known
    with context.path(entry).open("rb") as file:
        return read_file_meta(file).transfer_syntax_uid


def _made(held: str, target: str) -> str:
    """Return the transfer syntax that is sent where `target` is asked for, "" for none named.

    Explicit VR Little Endian then, but for what was compressed with loss (PS3.18 Section
    8.7.3): to undo that would multiply its size, and bring nothing back.
    """
    if target == "*" or (target == "" and held in _LOSSY):
        return str(ExplicitVRLittleEndian) if held in _NOT_SENT else held
    return target or str(ExplicitVRLittleEndian)


def _kind(context: Context, entry: Entry) -> tuple[str, bool]:
    """Return the transfer syntax, and whether there are pixels."""
    return held_syntax(context, entry), Field.ROWS in entry.values


def _possible(held: str, has_pixels: bool, target: str) -> bool:
    """Can the Instance be sent in `target`, as far as its transfer syntax tells?"""
    target = _made(held, target)
    if target == held and held not in _NOT_SENT:
        return True
    if target in _NOT_SENT:
        return False
    if target != ExplicitVRLittleEndian and not (target in TARGETS and can_encode(target)):
        return False
    if target != ExplicitVRLittleEndian and not has_pixels:
        return False
    return not has_pixels or held in _UNCOMPRESSED or can_decode(UID(held))
