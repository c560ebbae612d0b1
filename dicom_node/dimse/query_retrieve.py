"""Query/Retrieve as SCP, Study Root and Patient Root (PS3.4 Annex C), beside the Storage SCP."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE

from dicom_node.dimse import operation as of
from dicom_node.dimse.contexts import FIND_SOP_CLASSES, GET_SOP_CLASSES, MOVE_SOP_CLASSES
from dicom_node.dimse.find import find
from dicom_node.dimse.get import get
from dicom_node.dimse.messages import PeerError
from dicom_node.dimse.move import move
from dicom_node.dimse.operation import Operation, Refused, Turns, refusal
from dicom_node.dimse.requester import Peer
from dicom_node.dimse.retrieve import Tally
from dicom_node.dimse.timeouts import Timeouts
from dicom_node.dimse.writer import PeerGone, Writer
from inference.ports import Archive, Catalog

LOG = logging.getLogger("dicom_node.dimse")

EVERYBODY = "*"

_REQUESTS = {
    **dict.fromkeys(FIND_SOP_CLASSES, C_FIND),
    **dict.fromkeys(MOVE_SOP_CLASSES, C_MOVE),
    **dict.fromkeys(GET_SOP_CLASSES, C_GET),
}
_RELATIONAL, _COMBINED = 0, 1  # bytes of the application information, PS3.4 Table C.5-1


class QueryRetrieve:
    """Answers C-FIND, C-MOVE and C-GET requests, each in its association's thread.

    `destinations` maps AE titles to (host, port). `query_ae_titles` may query, "*" stands for
    everybody; where it is empty, only peers on this machine may. `maximum_matches` bounds the
    answers to one C-FIND.
    """

    def __init__(
        self,
        catalog: Catalog,
        archive: Archive,
        *,
        ae_title: str = "WETREAD",
        destinations: Mapping[str, tuple[str, int]] | None = None,
        query_ae_titles: Collection[str] = (),
        maximum_matches: int = 100_000,
        maximum_associations: int = 8,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._catalog = catalog
        self._archive = archive
        self._ae_title = ae_title
        self._destinations = {
            title: Peer(host, port, title, ae_title)
            for title, (host, port) in (destinations or {}).items()
        }
        self._query_ae_titles = frozenset(query_ae_titles)
        self._maximum = maximum_matches
        self._timeouts = timeouts or Timeouts()
        self._turns = Turns()
        self.maximum_associations = maximum_associations

    def takes(self, request: Any, context: Any) -> bool:
        """Is this a request to answer here?"""
        kind = _REQUESTS.get(context.abstract_syntax)
        return (
            kind is not None
            and isinstance(request, kind)
            and request.MessageID is not None
            and request.MessageIDBeingRespondedTo is None
        )

    def is_proposed(self, abstract_syntaxes: Iterable[str]) -> bool:
        """Does an association ask for one of our SOP Classes?"""
        return not _REQUESTS.keys().isdisjoint(abstract_syntaxes)

    def negotiated(self, proposed: Mapping[str, bytes]) -> dict[str, bytes]:
        """Answer SOP Class Extended Negotiation (PS3.4 Section C.5.1.1).

        Relational queries and the combined matching of date and time are agreed to.
        """
        return {
            sop_class: bytes(
                int(number in (_RELATIONAL, _COMBINED) and each == 1)
                for number, each in enumerate(proposed[sop_class][:5])
            )
            for sop_class in FIND_SOP_CLASSES
            if sop_class in proposed
        }

    def may_query(self, ae_title: str, address: str) -> bool:
        if self._query_ae_titles:
            return not self._query_ae_titles.isdisjoint((EVERYBODY, ae_title))
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return (getattr(known, "ipv4_mapped", None) or known).is_loopback

    def answer(self, association: Any, writer: Writer, request: Any, context: Any) -> None:
        """Raises `PeerGone` or `PeerError`: the association cannot go on."""
        operation = Operation(association, writer, request, context, self._turns)
        try:
            self._authorize(operation)
            said, code = self._answered(operation)
        except (PeerGone, PeerError):
            raise
        except Exception as error:
            # The boundary to the network: the peer gets a failure, whatever it was.
            without = of.OUT_OF_RESOURCES if isinstance(request, C_FIND) else of.CANNOT_COUNT
            refused = refusal(error, without)
            if refused.status == of.CANNOT_PROCESS:
                LOG.warning("%s broke: %s", _name(request), type(error).__name__)
            operation.respond(refused.status, str(refused))
            said, code = "refused", refused.status
        LOG.info("%s from %s: %s, 0x%04X", _name(request), operation.peer, said, code)

    def _authorize(self, operation: Operation) -> None:
        address = str(operation.association.requestor.address)
        if not self.may_query(operation.peer, address):
            raise Refused(of.NOT_AUTHORIZED, "This AE title may not query; see query_ae_titles")

    def _answered(self, operation: Operation) -> tuple[str, int]:
        request = operation.request
        if isinstance(request, C_FIND):
            agreed = self.negotiated(operation.association.requestor.sop_class_extended)
            options = agreed.get(operation.sop_class, b"").ljust(2, b"\0")
            count, code = find(
                operation,
                self._catalog,
                ae_title=self._ae_title,
                maximum=self._maximum,
                relational=bool(options[_RELATIONAL]),
                combined=bool(options[_COMBINED]),
            )
            return f"{count} answers", code
        if isinstance(request, C_MOVE):
            tally, code = move(
                operation, self._catalog, self._archive, self._destinations, self._timeouts
            )
            return f"to {request.MoveDestination.strip()}, {_counts(tally)}", code
        tally, code = get(operation, self._catalog, self._archive)
        return _counts(tally), code


def _counts(tally: Tally) -> str:
    return f"{tally.completed + tally.warning} sent, {tally.failed} failed"


def _name(request: Any) -> str:
    return type(request).__name__.replace("_", "-")
