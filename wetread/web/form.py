"""A form with files (multipart/form-data, RFC 7578) on its way to the disk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from dicom_node.dicomweb.media import parse_media_type
from dicom_node.dicomweb.multipart import Data, End, Head, MultipartReader, boundary_of
from dicom_node.dicomweb.problems import TooLarge, UnsupportedMedia, WebError
from dicom_node.dimse.spool import Spool
from inference.domain.errors import WetreadError
from inference.ports import Archive

_LONGEST = 1024  # bytes of a field
_MOST_FIELDS = 64
_MOST_FILES = 5_000


@dataclass(slots=True)
class FormFile:
    """`name` is what the browser calls it: to show, and for nothing else."""

    name: str
    spool: Spool
    size: int = 0

    @property
    def path(self) -> Path:
        return self.spool.path


class FileForm:
    """Feed it the request's body, then `close` it; `discard` it whatever happens.

    Raises `WebError` or `ResourceError`.
    """

    def __init__(self, archive: Archive, content_type: str, maximum: int) -> None:
        media = parse_media_type(content_type) if content_type else None
        if media is None or media.name != "multipart/form-data":
            raise UnsupportedMedia("taken is multipart/form-data")
        self._archive = archive
        self._maximum = maximum  # bytes
        self._size = 0
        self._reader = MultipartReader(boundary_of(media))
        self._field: tuple[str, bytearray] | None = None  # under way
        self.fields: dict[str, str] = {}
        self.files: list[FormFile] = []

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._maximum:
            raise TooLarge(f"a request may have {self._maximum >> 20} MiB")
        for event in self._reader.feed(data):
            if isinstance(event, Head):
                self._begin(event.headers)
            elif isinstance(event, Data):
                self._write(event.content)
            elif isinstance(event, End):
                self._end()

    def close(self) -> None:
        """Say that the body has ended."""
        self._reader.close()

    def discard(self) -> None:
        for each in self.files:
            with contextlib.suppress(WetreadError):  # what was taken is gone already
                each.spool.discard()

    def _begin(self, headers: dict[str, str]) -> None:
        named = Message()
        # The reader has it as Latin-1; browsers write UTF-8.
        text = headers.get("content-disposition", "").encode("latin-1").decode("utf-8", "replace")
        named["Content-Disposition"] = text.replace("\n", " ").replace("\r", " ")
        name = named.get_param("name", "", "content-disposition")
        if named.get_content_disposition() != "form-data" or not isinstance(name, str):
            raise WebError("a part is no part of a form")
        file_name = named.get_filename()
        if file_name is None:
            if len(self.fields) >= _MOST_FIELDS:
                raise WebError(f"a form has at most {_MOST_FIELDS} fields")
            self._field = (name, bytearray())
            return
        if len(self.files) >= _MOST_FILES:
            raise WebError(f"a form has at most {_MOST_FILES} files")
        self._field = None
        spool = Spool(self._archive, b"")
        if spool.error is not None:
            raise spool.error
        self.files.append(FormFile(file_name.replace("\\", "/").rpartition("/")[2][:200], spool))

    def _write(self, data: bytes) -> None:
        if self._field is not None:
            self._field[1].extend(data)
            if len(self._field[1]) > _LONGEST:
                raise TooLarge(f"a field has at most {_LONGEST} bytes")
            return
        file = self.files[-1]
        file.size += len(data)
        file.spool.write(data)
        if file.spool.error is not None:
            raise file.spool.error

    def _end(self) -> None:
        if self._field is None:
            self.files[-1].spool.close()
            return
        name, value = self._field
        self.fields[name] = value.decode("utf-8", "replace").strip()
        self._field = None
