"""How answers are put together: JSON and multipart messages, all of them streamed."""

from __future__ import annotations

import os
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.types import Receive, Scope, Send

from dicom_node.dicomweb.media import JSON, XML, wanted
from dicom_node.dicomweb.model import as_json
from dicom_node.dicomweb.native_xml import to_xml
from dicom_node.dicomweb.pieces import PIECES, Batches, Extent, Piece, in_memory
from dicom_node.dicomweb.problems import NotAcceptable, NotFound

_PIECE = 512 << 10  # bytes that are sent at once, where they come quickly
_PATIENCE = 0.05  # seconds that what is made waits for more

Model = Mapping[str, Any]  # a data set in the DICOM JSON Model (PS3.18 Annex F)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart message."""

    content_type: str
    content: Iterable[Piece]
    headers: Mapping[str, str] = field(default_factory=dict)


class Streamed(StreamingResponse):
    """Closes what it reads from, also where the client goes away in the middle."""

    def __init__(
        self,
        pieces: Iterator[Piece],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__((), status, headers, media_type)
        self._batches = Batches(pieces)
        self._batch: list[Piece] = []
        self._passes_files = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._passes_files = PIECES in (scope.get("extensions") or {})
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Else the files would stay open until Python looks for cycles of objects.
            self._drop()
            self._batches.close()

    async def stream_response(self, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await run_in_threadpool(self._make)
        while self._batch:
            if self._passes_files:
                await send({"type": PIECES, "pieces": self._batch, "then": self._make})
                continue
            async for chunk in iterate_in_threadpool(in_memory(self._batch)):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await run_in_threadpool(self._make)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _make(self, is_quick: bool = False) -> None:
        self._drop()
        self._batch = self._batches.take(is_quick=is_quick)

    def _drop(self) -> None:
        for piece in self._batch:
            if isinstance(piece, Extent):
                piece.close()
        self._batch = []


def data_sets(
    request: Request,
    models: Iterable[Model],
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    texts: Iterable[str] | None = None,
) -> Response:
    """Answer with data sets as JSON (Annex F) or, in parts, as XML (PS3.19 Section A.1).

    `texts` are the models as JSON, where that is known without them.
    """
    for each in wanted(request):
        if each.multipart is not True and (each.takes(JSON) or each.media == "application/json"):
            media = "application/json" if each.media == "application/json" else JSON
            if texts is None:
                texts = (as_json(each) for each in models)
            return _json(request, texts, media, headers, status)
        if each.multipart is not False and each.takes(XML) and not each.is_any:
            parts = (Part(XML, (to_xml(model),)) for model in models)
            return multipart(parts, XML, headers, status)
    raise NotAcceptable(f'acceptable are {JSON}, and multipart/related; type="{XML}"')


def _json(
    request: Request,
    texts: Iterable[str],
    media: str,
    headers: Mapping[str, str] | None,
    status: int,
) -> Response:
    def text() -> Iterator[bytes]:
        separator = b"["
        for each in texts:
            yield separator + each.encode()
            separator = b","
        yield b"[]" if separator == b"[" else b"]"

    chunks: Iterator[bytes] = text()
    headers = {**(headers or {}), "Vary": "Accept, Accept-Encoding"}
    if _takes_gzip(request):
        chunks = _gzipped(chunks)
        headers["Content-Encoding"] = "gzip"
    chunks = gathered(chunks)
    first, second = next(chunks, b""), next(chunks, None)
    if second is None:
        return Response(first, status, headers, media)
    return Streamed(behind(chunks, first, second), status, headers, media)


def behind(pieces: Iterator[Piece], *first: Piece) -> Iterator[Piece]:
    """Yield what was taken from `pieces` already, and then the rest."""
    yield from first
    yield from pieces


def multipart(
    parts: Iterable[Part],
    content_type: str,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Answer with multipart/related (RFC 2387), part by part as they are read."""
    boundary = uuid.uuid4().hex

    def message() -> Iterator[Piece]:
        ends = ""  # the part before
        for part in parts:
            lines = [f"{ends}--{boundary}", f"Content-Type: {part.content_type}"]
            lines += [f"{name}: {value}" for name, value in part.headers.items()]
            yield "\r\n".join([*lines, "", ""]).encode()
            yield from part.content
            ends = "\r\n"
        yield f"{ends}--{boundary}--\r\n".encode()

    media = f'multipart/related; type="{content_type}"; boundary={boundary}'
    headers = {**(headers or {}), "Vary": "Accept"}
    return Streamed(message(), status, headers, media_type=media)


def gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small chunks: each that is sent costs a change of threads.

    What takes its time to be made is not held back for what comes after it.
    """
    held: list[bytes] = []
    size = 0
    began = time.monotonic()
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _PIECE or time.monotonic() - began > _PATIENCE:
            yield b"".join(held)
            held, size = [], 0
            began = time.monotonic()
    if held:
        yield b"".join(held)


def validators(path: Path, request: Request) -> dict[str, str]:
    """Return ETag and Last-Modified of what is made of a file. Raises `NotFound`."""
    # A browser asks with the tag of what it holds even where that was in another media type.
    accepted = zlib.crc32(request.headers.get("accept", "").encode())
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        raise NotFound("the file of this Instance is missing") from None
    return {
        "ETag": f'W/"{stat.st_mtime_ns:x}-{stat.st_size:x}-{accepted:x}"',
        "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept",
    }


def not_modified(request: Request, headers: Mapping[str, str]) -> Response | None:
    """Return 304 where the client holds this already (RFC 9110 Section 13.2.2)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {each.strip() for each in known.split(",")}
        hit = "*" in tags or headers["ETag"] in tags
    else:
        since = request.headers.get("if-modified-since")
        try:
            hit = since is not None and parsedate_to_datetime(
                headers["Last-Modified"]
            ) <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            hit = False
    return Response(status_code=304, headers=dict(headers)) if hit else None


def _takes_gzip(request: Request) -> bool:
    offered = request.headers.get("accept-encoding", "").lower().split(",")
    return any(
        each.split(";")[0].strip() == "gzip" and "q=0" not in each.replace("q=0.", "q=1.")
        for each in offered
    )


def _gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    press = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if pressed := press.compress(chunk):
            yield pressed
    yield press.flush()
