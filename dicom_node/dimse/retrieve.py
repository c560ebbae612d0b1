"""What C-GET and C-MOVE share: which Instances, in which form, and what became of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive import durable
from dicom_node.archive.header import read_file_meta
from dicom_node.dimse import operation as of
from dicom_node.dimse import status
from dicom_node.dimse.find import UNIQUE_KEYS, above, single
from dicom_node.dimse.operation import Operation, Refused, Turns
from dicom_node.pixels.frame import can_decode
from dicom_node.pixels.part10 import open_part10
from dicom_node.pixels.transcode import transcoded
from inference.domain.catalog import Condition, Field, Level, Search
from inference.domain.errors import (
    DestinationRefused,
    InvalidQuery,
    UnreadableInstance,
    WetreadError,
)
from inference.domain.keys import match_of
from inference.domain.matching import AnyOf, Match
from inference.ports import Archive, Catalog

UNCOMPRESSED = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))

_NOT_COMPRESSED = (*UNCOMPRESSED, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_PAGE = 500  # Instances that are read from the catalog at a time
_MOST = 65535  # sub-operations: the counts are US
_LONGEST = 0xFFFE  # bytes of Failed SOP Instance UID List in Explicit VR


@dataclass(frozen=True, slots=True)
class Held:
    """An Instance to send; `key` is the Archive's name for its file."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    key: str

    @property
    def syntaxes(self) -> tuple[str, ...]:
        """The transfer syntaxes in which it can be sent, the one that is held first."""
        held = self.transfer_syntax_uid
        if held in _NOT_COMPRESSED or can_decode(UID(held)):
            return (held, *(each for each in UNCOMPRESSED if each != held))
        return (held,)


def matches(operation: Operation, catalog: Catalog, archive: Archive) -> list[Held]:
    """Return the Instances that a retrieval names by its unique keys (PS3.4 C.4.2.2.1).

    Other keys, which some send, do not count. Raises `Refused`, `InvalidQuery`, ...
    """
    identifier = operation.identifier()
    if identifier.of_patients:
        key = Field.PATIENT_ID
        match: Match | None = single(identifier, key)
    else:
        key = UNIQUE_KEYS[identifier.level]
        match = match_of(key, identifier.keys.get(key, ""))
    if not isinstance(match, AnyOf):
        raise InvalidQuery(f"{key.keyword} is missing")
    conditions = (*above(identifier), Condition(key, match))
    found: list[Held] = []
    after = None
    while True:
        with operation.turns.searching:
            entries = catalog.search(Search(Level.INSTANCE, conditions, limit=_PAGE, after=after))
        for entry in entries:
            syntax = entry.text(Field.AVAILABLE_TRANSFER_SYNTAX_UID)
            syntax = syntax or _syntax_of(archive, entry.key)
            sop_class = entry.text(Field.SOP_CLASS_UID)
            found.append(Held(sop_class, entry.text(Field.SOP_INSTANCE_UID), syntax, entry.key))
        if len(found) > _MOST:
            raise Refused(of.CANNOT_COUNT, f"More than {_MOST} Instances; ask for less")
        if len(entries) < _PAGE:
            return found
        after = entries[-1].number


def _syntax_of(archive: Archive, key: str) -> str:
    """Look into a file of which the catalog does not know: one of an older version."""
    try:
        with archive.path(key).open("rb") as file:
            return read_file_meta(file).transfer_syntax_uid
    except (WetreadError, OSError):
        return ""  # it will fail, and be told


@contextmanager
def in_one_of(
    archive: Archive, held: Held, syntaxes: Collection[str], turns: Turns
) -> Iterator[tuple[Path, str]]:
    """Yield the file and its transfer syntax: as it is held, or made uncompressed.

    What is made lies beside what is being received until the block ends, so that a broken
    image is told before its first byte is sent. Raises `DestinationRefused` where the peer
    takes none of these, and what reading and keeping raise.
    """
    path = archive.path(held.key)
    syntax = next((each for each in held.syntaxes if each in syntaxes), None)
    if syntax is None:
        raise DestinationRefused(
            f"The peer does not accept SOP Class {held.sop_class_uid} in Transfer Syntax "
            f"{held.transfer_syntax_uid}, nor in another that can be made."
        )
    if syntax == held.transfer_syntax_uid:
        yield path, syntax
        return
    archive.check_space()
    made = archive.spool()
    try:
        with turns.transcoding:
            _make(path, made, syntax)
        yield made, syntax
    finally:
        archive.discard(made)


def _make(path: Path, made: Path, syntax: str) -> None:
    try:
        with open_part10(path) as part10, durable.translated(), made.open("wb") as file:
            for chunk in transcoded(part10, syntax):
                file.write(chunk)
    except (WetreadError, OSError):
        raise
    except Exception as error:
        # The boundary to decoders of bytes that anybody may have written.
        raise UnreadableInstance(f"it cannot be transcoded: {type(error).__name__}") from error


@dataclass(slots=True)
class Tally:
    """Sub-operations by what became of them (PS3.7 Section 9.3.3.2)."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    def count(self, held: Held, code: int | None) -> None:
        """`code` is what the peer answered to C-STORE, None where it did not come so far."""
        self.remaining -= 1
        if code == status.SUCCESS:
            self.completed += 1
        elif code is not None and status.is_taken(code):
            self.warning += 1
        else:
            self.failed += 1
            self.failed_uids.append(held.sop_instance_uid)

    @property
    def status(self) -> int:
        if not self.failed and not self.warning:
            return of.SUCCESS
        done = self.completed or self.warning
        return of.SUB_OPERATIONS_FAILED if done else of.CANNOT_SEND


def perform(
    operation: Operation, instances: Sequence[Held], send: Callable[[Held], int]
) -> tuple[Tally, int]:
    """Send one after another and tell the peer after each; return what became of them.

    `send` returns the status of the C-STORE response, and raises `WetreadError` or `OSError`
    where there was none. Raises `PeerGone`.
    """
    tally = Tally(remaining=len(instances))
    if instances:
        _respond(operation, tally, of.PENDING)
    for held in instances:
        if operation.is_cancelled:
            _respond(operation, tally, of.CANCELLED)
            return tally, of.CANCELLED
        try:
            code: int | None = send(held)
        except (WetreadError, OSError):
            code = None
        tally.count(held, code)
        if tally.remaining:
            _respond(operation, tally, of.PENDING)
    _respond(operation, tally, tally.status)
    return tally, tally.status


def _respond(operation: Operation, tally: Tally, code: int) -> None:
    fields: dict[int, int | str] = {
        0x1021: tally.completed,
        0x1022: tally.failed,
        0x1023: tally.warning,
    }
    if code in (of.PENDING, of.CANCELLED):
        fields[0x1020] = tally.remaining
    identifier = None
    if code not in (of.PENDING, of.SUCCESS):
        identifier = _failed_list(tally.failed_uids, implicit=operation.implicit)
    comment = "None of the Instances could be sent" if code == of.CANNOT_SEND else ""
    operation.respond(code, comment, fields=fields, identifier=identifier)


def _failed_list(uids: Sequence[str], *, implicit: bool) -> bytes:
    """Encode Failed SOP Instance UID List (0008,0058), as much of it as one value holds."""
    content = b""
    for uid in uids:
        more = (b"\\" if content else b"") + uid.encode("ascii", "replace")
        if len(content) + len(more) > _LONGEST - 1:
            break
        content += more
    content += b"\0" * (len(content) % 2)
    head = struct.pack("<HH", 0x0008, 0x0058)
    if implicit:
        return head + struct.pack("<L", len(content)) + content
    return head + b"UI" + struct.pack("<H", len(content)) + content
