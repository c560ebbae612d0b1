"""Sending files as a modality does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pynetdicom.association import Association

from dicom_node.archive.header import describe
from dicom_node.dimse import status
from dicom_node.dimse.requester import MAXIMUM_CONTEXTS, Peer, association, needed_contexts, store
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import DeliveryError, DestinationUnreachable, InputError
from inference.domain.instance import Description, Priority

_PREFIX_END = 132  # bytes; preamble and prefix, PS3.10 Section 7.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. `status` is None where there was no response."""

    path: Path
    taken: bool
    status: int | None = None
    message: str = ""


def dicom_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files among `paths`, and the DICOM files in the folders among them."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for each in sorted(path.rglob("*")):
            if each.name != "DICOMDIR" and each.is_file() and _is_part10(each):
                yield each


def send_files(
    files: Iterable[Path],
    *,
    host: str,
    port: int,
    called_ae: str = "WETREAD",
    calling_ae: str = "WETREAD-SEND",
    priority: Priority = Priority.MEDIUM,
    timeouts: Timeouts | None = None,
) -> Iterator[Outcome]:
    """Send each file in its own transfer syntax; yield what became of it, one by one.

    Takes as many associations as the presentation contexts need.
    """
    peer = Peer(host, port, called_ae, calling_ae)
    described: list[tuple[Path, Description]] = []
    for path in files:
        try:
            described.append((path, describe(path)))
        except (InputError, OSError) as error:
            yield Outcome(path, False, None, f"cannot be sent: {error}")
    for batch in _batches(described):
        yield from _send_batch(peer, batch, priority, timeouts or Timeouts())


def _send_batch(
    peer: Peer, batch: Sequence[tuple[Path, Description]], priority: Priority, timeouts: Timeouts
) -> Iterator[Outcome]:
    pairs = needed_contexts(description for _, description in batch)
    with ExitStack() as stack:
        opened: Association | None = None
        for number, (path, description) in enumerate(batch, start=1):
            try:
                if opened is None or not opened.is_established:
                    opened = stack.enter_context(association(peer, pairs, timeouts))
            except DestinationUnreachable as error:
                for left, _ in batch[number - 1 :]:
                    yield Outcome(left, False, None, str(error))
                return
            try:
                code = store(opened, path, description, number % 65535 or 1, priority)
            except (DeliveryError, OSError) as error:
                yield Outcome(path, False, None, str(error))
                continue
            taken = status.is_taken(code)
            yield Outcome(path, taken, code, "" if taken else f"answered 0x{code:04X}")


def _batches(
    described: Sequence[tuple[Path, Description]],
) -> Iterator[list[tuple[Path, Description]]]:
    """Cut in order, so that no batch needs more contexts than one association has."""
    batch: list[tuple[Path, Description]] = []
    pairs: set[tuple[str, str]] = set()
    for path, description in described:
        needed = set(needed_contexts([description]))
        if batch and len(pairs | needed) > MAXIMUM_CONTEXTS:
            yield batch
            batch, pairs = [], set()
        batch.append((path, description))
        pairs |= needed
    if batch:
        yield batch


def _is_part10(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_PREFIX_END)[-4:] == b"DICM"
