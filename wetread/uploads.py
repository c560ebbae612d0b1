"""What people bring in by hand: DICOM through the one door, pictures wrapped first."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from dicom_node.dimse.spool import Spool
from dicom_node.pictures import JPEG, PNG, Facts, read_picture, wrap
from inference.domain.errors import InputError, ResourceError, WetreadError
from inference.domain.instance import Origin, Receipt, Source
from inference.domain.uid import check_uid
from inference.ports import Archive, Clock, Intake

_log = logging.getLogger(__name__)

_TOKEN = re.compile(r"\d{14}-[0-9a-f]{32}", re.ASCII)
_MOST = 99_999  # the number of a picture

Told = Callable[[], Facts]
"""Reads what was typed in. Raises `InvalidFacts`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file. `problem` is "" where it is safe on the disk."""

    name: str
    study_instance_uid: str = ""
    receipt: Receipt | None = None
    problem: str = ""
    again: bool = False  # it may go well another time


class Uploads:
    """Takes files one by one, whatever they are. `maximum`: bytes of a request."""

    def __init__(self, intake: Intake, archive: Archive, clock: Clock, maximum: int) -> None:
        self.maximum = maximum
        self.archive = archive
        self._intake = intake
        self._clock = clock
        # One at a time: unpacked, a picture takes hundreds of times its size.
        self._turn = threading.Lock()

    def token(self) -> str:
        """Return the name of what is brought in together: the pictures of one Study."""
        return f"{self._clock.now().astimezone():%Y%m%d%H%M%S}-{secrets.token_hex(16)}"

    def take(
        self, path: Path, name: str, origin: str, facts: Told, token: str, number: int
    ) -> Taken:
        """Take the file at `path`, which is gone afterwards. `name` is only shown.

        `facts` says what was typed in; a DICOM object needs none.
        """
        try:
            with path.open("rb") as file:
                start = file.read(132)
            if start[128:] == b"DICM":
                return self._receive(path, name, origin)
            if not start:
                raise InputError("The file is empty.")
            if not start.startswith((PNG, JPEG)):
                raise InputError("It is no DICOM file, and neither a PNG nor a JPEG.")
            return self._wrap(path, name, origin, facts, token, number)
        except ResourceError as error:
            return Taken(name, problem=str(error), again=True)
        except WetreadError as error:
            return Taken(name, problem=str(error))
        finally:
            self.archive.discard(path)

    def _wrap(
        self, path: Path, name: str, origin: str, told: Told, token: str, number: int
    ) -> Taken:
        at = _moment(token)
        if not 1 <= number <= _MOST:
            raise InputError(f"The number of a picture is 1 to {_MOST}.")
        facts = told().checked()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._turn:
            image = wrap(
                read_picture(path), facts, token=token, at=at, number=number, digest=digest
            )
            buffer = BytesIO()
            image.save_as(buffer, enforce_file_format=True)
            spool = Spool(self.archive, b"")
            spool.write(buffer.getbuffer())
        if spool.error is not None:
            raise spool.error
        spool.close()
        return self._receive(spool.path, name, origin)

    def _receive(self, path: Path, name: str, origin: str) -> Taken:
        study = ""
        try:
            study = check_uid(self.archive.describe(path).study_instance_uid)
        except InputError:
            _log.info("an uploaded file is no DICOM object that can be read")
        receipt = self._intake.receive(path, Origin(Source.UPLOAD, calling_ae=origin))
        return Taken(name, study, receipt)


def _moment(token: str) -> datetime:
    """Return when the upload began: what is sent again is then the same to the last byte."""
    try:
        if not _TOKEN.fullmatch(token):
            raise ValueError
        return datetime.strptime(token[:14], "%Y%m%d%H%M%S")
    except ValueError:
        raise InputError("Load the page again: the upload has no name.") from None
