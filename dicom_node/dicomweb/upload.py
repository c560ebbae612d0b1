"""The parts of a Store request on their way to the disk; nothing is taken before all have come."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from dicom_node.dicomweb.media import DICOM, JSON, MediaType, parse_media_type
from dicom_node.dicomweb.multipart import Data, End, Head, MultipartReader, boundary_of
from dicom_node.dicomweb.problems import TooLarge, UnsupportedMedia, WebError
from dicom_node.dimse.spool import Spool
from inference.domain.errors import WetreadError
from inference.ports import Archive

_PLAIN = ("", "binary", "7bit", "8bit", "identity")


@dataclass(slots=True)
class Received:
    """A part as it lies in the spool."""

    media: MediaType
    location: str
    spool: Spool

    @property
    def path(self) -> Path:
        return self.spool.path


class Upload:
    """Feed it the request's body. `discard` it whatever happens. `kind` is that of the parts.

    Raises `WebError` or `ResourceError`.
    """

    def __init__(self, archive: Archive, content_type: str, maximum: int) -> None:
        self._archive = archive
        self._maximum = maximum  # bytes
        self._size = 0
        self._length: int | None = None  # of the part under way, as its header says
        self._got = 0
        self.parts: list[Received] = []
        media = parse_media_type(content_type)
        if media.name == DICOM:
            self.kind = DICOM
            self._reader = None
            self._begin(media, {})
        elif media.name == "multipart/related":
            self.kind = media.parameters.get("type", DICOM).lower()
            if self.kind not in (DICOM, JSON):
                raise UnsupportedMedia(f'taken are multipart/related; type="{DICOM}" or "{JSON}"')
            self._reader = MultipartReader(boundary_of(media))
        else:
            raise UnsupportedMedia(f'taken is multipart/related; type="{DICOM}"')

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._maximum:
            raise TooLarge(f"a request may have {self._maximum >> 20} MiB")
        if self._reader is None:
            self._write(data)
            return
        for event in self._reader.feed(data):
            if isinstance(event, Head):
                text = event.headers.get("content-type", "")
                default = MediaType(self.kind if not self.parts else DICOM)
                self._begin(parse_media_type(text) if text else default, event.headers)
            elif isinstance(event, Data):
                self._write(event.content)
            elif isinstance(event, End):
                self._end()

    def close(self) -> None:
        """Say that the body has ended."""
        if self._reader is None:
            self._end()
        else:
            self._reader.close()
        if not self.parts or (self._reader is None and not self._size):
            raise WebError("there is no Instance in the request")

    def discard(self) -> None:
        for part in self.parts:
            with contextlib.suppress(WetreadError):  # what was taken is gone already
                part.spool.discard()

    def _begin(self, media: MediaType, headers: dict[str, str]) -> None:
        if media.name.startswith("multipart/"):
            raise UnsupportedMedia("a part is not made of parts")
        for name in ("content-encoding", "content-transfer-encoding"):
            if headers.get(name, "").lower() not in _PLAIN:
                raise UnsupportedMedia(f"a part has a {name}")
        if self.kind == DICOM and media.name != DICOM:
            raise UnsupportedMedia(f"a part is {media.name}, not {DICOM}")
        if self.kind == JSON and not self.parts and media.name not in (JSON, "application/json"):
            raise UnsupportedMedia(f"the first part is {media.name}, not {JSON}")
        length = headers.get("content-length", "")
        if length and not (length.isascii() and length.isdigit()):
            raise WebError("a part has a Content-Length that is no number")
        self._length = int(length[:20]) if length else None
        self._got = 0
        spool = Spool(self._archive, b"")
        if spool.error is not None:
            raise spool.error
        self.parts.append(Received(media, headers.get("content-location", ""), spool))

    def _write(self, data: bytes) -> None:
        spool = self.parts[-1].spool
        self._got += len(data)
        spool.write(data)
        if spool.error is not None:
            raise spool.error

    def _end(self) -> None:
        if self._length is not None and self._length != self._got:
            raise WebError("a part has another length than its Content-Length")
        self.parts[-1].spool.close()
