"""Reading a multipart message (RFC 2046 Section 5.1) as it arrives, with bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from dicom_node.dicomweb.media import MediaType
from dicom_node.dicomweb.problems import WebError

# RFC 2046 allows 70 characters; Orthanc's plugin sends 73.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")
_MAX_HEAD = 8192  # bytes of a part's headers
_MAX_PREAMBLE = 8192  # bytes before the first part
_MAX_PARTS = 20_000


@dataclass(frozen=True, slots=True)
class Head:
    """A part begins. Names in lower case."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the part's content."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The part ends."""


Event = Head | Data | End


class _State(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()  # behind a boundary: another part, or the end
    HEAD = auto()
    BODY = auto()
    EPILOGUE = auto()


class MultipartReader:
    """`feed` it, then `close` it. Raises `WebError` as soon as it is no such message."""

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise WebError("the boundary is none of RFC 2046")
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = bytearray(b"\r\n")  # so that the first boundary is found like the others
        self._state = _State.PREAMBLE
        self._parts = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        self._buffer += data
        moving = True
        while moving:
            if self._state is _State.PREAMBLE:
                moving = self._preamble()
            elif self._state is _State.DELIMITER:
                moving = self._behind_delimiter()
            elif self._state is _State.HEAD:
                head = self._head()
                moving = head is not None
                if head is not None:
                    yield head
            elif self._state is _State.BODY:
                end = self._buffer.find(self._delimiter)
                moving = end >= 0
                # What may be the start of a boundary waits for the rest of it.
                count = end if moving else len(self._buffer) - len(self._delimiter) + 1
                if count > 0:
                    yield Data(bytes(self._buffer[:count]))
                    del self._buffer[:count]
                if moving:
                    del self._buffer[: len(self._delimiter)]
                    self._state = _State.DELIMITER
                    yield End()
            else:
                self._buffer.clear()
                moving = False

    def close(self) -> None:
        """Raises `WebError` if the message is not complete."""
        if self._state is not _State.EPILOGUE:
            raise WebError("the multipart message ends before its last boundary")

    def _preamble(self) -> bool:
        end = self._buffer.find(self._delimiter)
        if end < 0:
            if len(self._buffer) > _MAX_PREAMBLE:
                raise WebError("the boundary is not in the message")
            return False
        del self._buffer[: end + len(self._delimiter)]
        self._state = _State.DELIMITER
        return True

    def _behind_delimiter(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._buffer.startswith(b"--"):
            self._state = _State.EPILOGUE
            return True
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise WebError("a boundary does not end")
            return False
        if self._buffer[:end].strip(b" \t"):
            raise WebError("something stands behind a boundary")
        # The line break stays: headers may be none at all, and then it is their end.
        del self._buffer[:end]
        self._state = _State.HEAD
        return True

    def _head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _MAX_HEAD:
            if len(self._buffer) > _MAX_HEAD:
                raise WebError("the headers of a part are too long")
            return None
        lines = bytes(self._buffer[2:end]).decode("latin-1").split("\r\n") if end else []
        del self._buffer[: end + 4]
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise WebError(f"more than {_MAX_PARTS} parts")
        self._state = _State.BODY
        return Head(_headers(lines))


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or line[0] in " \t":
            raise WebError("a part has a header that is none")
        headers[name.strip().lower()] = value.strip()
    return headers


def boundary_of(media: MediaType) -> str:
    boundary = media.parameters.get("boundary", "")
    if not boundary:
        raise WebError("the multipart message names no boundary")
    return boundary
