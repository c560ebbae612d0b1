"""C-GET as SCP (PS3.4 Section C.4.3): Instances over the association that asked for them."""

from __future__ import annotations

from pynetdicom.dimse_primitives import C_STORE

from dicom_node.archive.header import read_file_meta
from dicom_node.dimse.messages import PeerError
from dicom_node.dimse.operation import Operation
from dicom_node.dimse.retrieve import Held, Tally, in_one_of, matches, perform
from dicom_node.dimse.writer import PeerGone
from inference.ports import Archive, Catalog

_MAX_MESSAGE_ID = 65535


def get(operation: Operation, catalog: Catalog, archive: Archive) -> tuple[Tally, int]:
    """Answer a C-GET request. Raises `PeerGone`, `PeerError`, and what `refusal` knows."""
    return perform(
        operation, matches(operation, catalog, archive), _SubOperations(operation, archive).send
    )


class _SubOperations:
    """C-STORE requests from the acceptor, where the peer chose the SCP role (PS3.7 D.3.3.4)."""

    def __init__(self, operation: Operation, archive: Archive) -> None:
        self._operation = operation
        self._archive = archive
        self._message_id = operation.message_id
        self._contexts: dict[str, dict[str, int]] = {}  # SOP Class, Transfer Syntax, identifier
        for identifier, context in operation.association._accepted_cx.items():
            if context.as_scu:
                syntaxes = self._contexts.setdefault(str(context.abstract_syntax), {})
                syntaxes[str(context.transfer_syntax[0])] = identifier

    def send(self, held: Held) -> int:
        contexts = self._contexts.get(held.sop_class_uid, {})
        with (
            in_one_of(self._archive, held, contexts, self._operation.turns) as (path, syntax),
            path.open("rb") as file,
        ):
            file.seek(read_file_meta(file).data_set_offset)
            self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
            request = {
                0x0002: held.sop_class_uid,
                0x0100: 0x0001,  # C-STORE-RQ, PS3.7 Annex E.1
                0x0110: self._message_id,
                0x0700: self._operation.request.Priority or 0,
                0x1000: held.sop_instance_uid,
            }
            self._operation.writer.send(contexts[syntax], request, file)
        return self._response()

    def _response(self) -> int:
        association = self._operation.association
        _, response = association.dimse.get_msg(block=True)
        if response is None:
            if association.dul.is_alive() and association.is_established:
                raise PeerError("a sub-operation was not answered in time")
            raise PeerGone
        if not isinstance(response, C_STORE) or not response.is_valid_response:
            raise PeerError("something else than the response to a sub-operation came")
        if response.MessageIDBeingRespondedTo != self._message_id:
            raise PeerError("the response is to another request")
        return int(response.Status)
