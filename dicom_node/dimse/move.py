"""C-MOVE as SCP (PS3.4 Section C.4.2): Instances to an AE that is configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from pynetdicom.association import Association

from dicom_node.dimse import operation as of
from dicom_node.dimse.operation import Operation, Refused
from dicom_node.dimse.requester import MAXIMUM_CONTEXTS, Originator, Peer, association, store
from dicom_node.dimse.retrieve import Held, Tally, in_one_of, matches, perform
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import DestinationUnreachable
from inference.domain.instance import Priority
from inference.ports import Archive, Catalog

_PRIORITIES = {0: Priority.MEDIUM, 1: Priority.HIGH, 2: Priority.LOW}  # PS3.7 Section 9.3.1.1


def move(
    operation: Operation,
    catalog: Catalog,
    archive: Archive,
    destinations: Mapping[str, Peer],
    timeouts: Timeouts,
) -> tuple[Tally, int]:
    """Answer a C-MOVE request. Raises `PeerGone`, and what `refusal` knows."""
    title = str(operation.request.MoveDestination or "").strip()
    peer = destinations.get(title)
    if peer is None:
        raise Refused(of.DESTINATION_UNKNOWN, f"{title} is no destination that is configured")
    instances = matches(operation, catalog, archive)
    with ExitStack() as stack:
        outgoing = _Outgoing(operation, archive, peer, timeouts, instances, stack)
        return perform(operation, instances, outgoing.send)


class _Outgoing:
    """Associations to the destination, one at a time, opened when the first Instance needs it."""

    def __init__(
        self,
        operation: Operation,
        archive: Archive,
        peer: Peer,
        timeouts: Timeouts,
        instances: Sequence[Held],
        stack: ExitStack,
    ) -> None:
        self._archive = archive
        self._turns = operation.turns
        self._peer = peer
        self._timeouts = timeouts
        self._stack = stack
        self._priority = _PRIORITIES.get(operation.request.Priority, Priority.MEDIUM)
        self._originator = Originator(operation.peer, operation.message_id)
        self._batches = _batches(instances)
        self._pairs: frozenset[tuple[str, str]] = frozenset()
        self._last = -1
        self._opened: Association | None = None
        self._unreachable = False
        self._number = 0

    def send(self, held: Held) -> int:
        opened = self._association(held)
        accepted = {
            str(context.transfer_syntax[0])
            for context in opened.accepted_contexts
            if context.abstract_syntax == held.sop_class_uid
        }
        self._number = self._number % 65535 + 1
        with in_one_of(self._archive, held, accepted, self._turns) as (path, syntax):
            sent = replace(held, transfer_syntax_uid=syntax)
            return store(opened, path, sent, self._number, self._priority, self._originator)

    def _association(self, held: Held) -> Association:
        if _needed(held) - self._pairs:
            self._pairs = next(self._batches)
            self._stack.close()
            self._opened = None
            self._unreachable = False  # it answers, maybe, if it takes nothing else
        if self._unreachable:
            raise DestinationUnreachable(f"{self._peer} did not answer before")
        if self._opened is None or not self._opened.is_established:
            try:
                self._opened = self._stack.enter_context(
                    association(self._peer, sorted(self._pairs), self._timeouts)
                )
            except DestinationUnreachable:
                # Each further attempt could take as long, and the one who asked waits.
                self._unreachable = True
                raise
        return self._opened


def _needed(held: Held) -> frozenset[tuple[str, str]]:
    return frozenset((held.sop_class_uid, syntax) for syntax in held.syntaxes)


def _batches(instances: Sequence[Held]) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield what to propose, in turn, each no more than one association can have."""
    pairs: frozenset[tuple[str, str]] = frozenset()
    for held in instances:
        needed = _needed(held)
        if len(pairs | needed) > MAXIMUM_CONTEXTS:
            yield pairs
            pairs = frozenset()
        pairs |= needed
    if pairs:
        yield pairs
