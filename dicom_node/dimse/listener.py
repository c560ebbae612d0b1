"""The listening socket, and the associations that came in through it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import (
    AddressInformation,
    AssociationServer,
    AssociationSocket,
    RequestHandler,
)

from dicom_node.dimse.query_retrieve import QueryRetrieve
from dicom_node.dimse.upper_layer import ReceivingAssociation
from inference.ports import Archive

LOG = logging.getLogger("dicom_node.dimse")

_QUIET = 1.0  # seconds without a message after which an open association counts as idle


class Listener(AssociationServer):  # type: ignore[misc]
    """Accepts connections until `shutdown`; knows each association until its end."""

    request_queue_size = 64

    def __init__(
        self,
        ae: ApplicationEntity,
        address: tuple[str, int],
        contexts: list[PresentationContext],
        handlers: list[tuple[Any, Callable[..., Any]]],
        archive: Archive,
        maximum_pdu: int,
        queries: QueryRetrieve | None = None,
    ) -> None:
        self.archive = archive
        self.queries = queries
        self.maximum_pdu = maximum_pdu
        self._open: set[ReceivingAssociation] = set()
        self._changed = threading.Condition()
        super().__init__(
            ae, address, ae.ae_title, contexts, evt_handlers=handlers, request_handler=_Connection
        )

    def _bind_defaults(self) -> None:
        """Bind what pynetdicom needs; its handlers that log message contents stay out."""
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def service_actions(self) -> None:
        """pynetdicom collects garbage here every minute; Python does so as needed."""

    @property
    def active_associations(self) -> list[ReceivingAssociation]:
        with self._changed:
            return list(self._open)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Bound the connections that have not even asked for an association yet.

        Beyond `maximum_associations` a peer is told so, by A-ASSOCIATE-RJ (PS3.8 Table 9-21);
        beyond twice that number it is only cut off.
        """
        if len(self.active_associations) < 2 * self.ae.maximum_associations:
            return True
        LOG.warning("Too many connections: %s is cut off", client_address[0])
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        LOG.warning("A connection from %s could not be taken", client_address[0])

    def opened(self, association: ReceivingAssociation) -> None:
        with self._changed:
            self._open.add(association)

    def ended(self, association: ReceivingAssociation) -> None:
        with self._changed:
            self._open.discard(association)
            self._changed.notify_all()
        requestor = association.requestor
        peer = f"{requestor.ae_title or 'somebody'} at {requestor.address}"
        if association.is_released:
            LOG.info("Association with %s released", peer)
        elif association.is_rejected:
            LOG.warning("Association with %s rejected: %s", peer, association.reason)
        else:
            reason = association.reason or "the peer went away"
            LOG.warning("Association with %s ended: %s", peer, reason)

    def drain(self, seconds: float) -> None:
        """Wait until every association has ended; abort those that are idle, in the end all."""
        deadline = time.monotonic() + seconds
        while associations := self.active_associations:
            late = time.monotonic() > deadline
            for association in associations:
                dimse = association.dimse
                idle = not dimse.busy and time.monotonic() - dimse.last_activity > _QUIET
                if late or idle:
                    association.note("the service stops")
                    association.end()
            with self._changed:
                self._changed.wait(0.1)
            if late:
                return


class _Connection(RequestHandler):  # type: ignore[misc]
    def handle(self) -> None:
        association = self._create_association()
        self.server.opened(association)
        association.on_end = self.server.ended
        association.start()

    def _create_association(self) -> ReceivingAssociation:
        """As pynetdicom does it, but without copying some hundred contexts each time."""
        server: Listener = self.server
        ae = server.ae
        self.request.settimeout(ae.network_timeout)
        with contextlib.suppress(OSError):  # the peer is gone already
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        association = ReceivingAssociation(ae, self.request, server.archive, server.maximum_pdu)
        association.queries = server.queries
        association._server = server
        association.name = f"AcceptorThread-{self.client_address[1]}"
        association.set_socket(AssociationSocket(association, client_socket=self.request))

        acceptor = association.acceptor
        acceptor.maximum_length = ae.maximum_pdu_size
        acceptor.ae_title = server.ae_title
        acceptor.address_info = AddressInformation.from_tuple(server.server_address)
        acceptor.implementation_class_uid = ae.implementation_class_uid
        acceptor.implementation_version_name = ae.implementation_version_name
        acceptor.supported_contexts = server.contexts  # only read
        association.requestor.address_info = AddressInformation.from_tuple(self.client_address)

        for event, handlers in server._handlers.items():
            if event.is_intervention:
                association.bind(event, *handlers)
            else:
                for handler in handlers:
                    association.bind(event, handler[0], handler[1])
        return association
