"""The Storage SCP: what modalities and the PACS send to."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from dicom_node.dimse import status
from dicom_node.dimse.contexts import accepted_contexts
from dicom_node.dimse.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_node.dimse.listener import Listener
from dicom_node.dimse.query_retrieve import QueryRetrieve
from dicom_node.dimse.quiet import quiet_pynetdicom
from dicom_node.dimse.spool import Spool
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.about import about
from inference.domain.errors import InputError, SettingsError, UnreadableInstance, WetreadError
from inference.domain.instance import Origin, Priority, Source
from inference.ports import Archive, Intake

LOG = logging.getLogger("dicom_node.dimse")

_PRIORITIES = {0: Priority.MEDIUM, 1: Priority.HIGH, 2: Priority.LOW}  # PS3.7 Section 9.3.1.1
_REJECTIONS = {  # (source, diagnostic), PS3.8 Table 9-21
    (1, 3): "calling AE title not recognised",
    (1, 7): "called AE title not recognised",
    (3, 2): "too many associations",
}


class _Mismatch(InputError):
    """The request and its data set name different SOP Classes or Instances."""


class StorageScp:
    """Implements `inference.ports.Service`: Verification, Storage and Query/Retrieve, as SCP.

    `port` 0 takes a free one; the property tells which, once started. `calling_ae_titles`
    empty lets everybody in. `maximum_pdu` is in bytes, 0 for no limit. Without `queries`
    there is no Query/Retrieve.
    """

    name = "DIMSE receiver"

    def __init__(
        self,
        intake: Intake,
        archive: Archive,
        *,
        ae_title: str = "WETREAD",
        host: str = "0.0.0.0",
        port: int = 11112,
        calling_ae_titles: Sequence[str] = (),
        maximum_pdu: int = 131072,
        maximum_associations: int = 16,
        network_timeout: float | None = None,
        timeouts: Timeouts | None = None,
        queries: QueryRetrieve | None = None,
    ) -> None:
        self._queries = queries
        self._intake = intake
        self._archive = archive
        self._address = (host, port)
        self._maximum_pdu = maximum_pdu
        timeouts = timeouts or Timeouts()
        self._drain = timeouts.drain
        self._ae = ApplicationEntity(ae_title)
        self._ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self._ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(calling_ae_titles)
        self._ae.maximum_pdu_size = maximum_pdu
        self._ae.maximum_associations = maximum_associations
        self._ae.acse_timeout = timeouts.association
        self._ae.dimse_timeout = timeouts.message
        self._ae.network_timeout = timeouts.network if network_timeout is None else network_timeout
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._listener.server_address[1] if self._listener else self._address[1]

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listen. Raises `SettingsError` where that cannot be done."""
        quiet_pynetdicom()
        try:
            self._listener = self._listen()
        except OSError as error:
            host, port = self._address
            raise SettingsError(
                f"nobody can listen for DICOM at port {port} of {host}: {error.strerror}. "
                "Set dimse_port or dimse_host"
            ) from error
        self._ae._servers.append(self._listener)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.1,), name=self.name, daemon=True
        )
        self._thread.start()
        LOG.info("%s listens on %s:%d", self._ae.ae_title, self._address[0], self.port)

    def _listen(self) -> Listener:
        return Listener(
            self._ae,
            self._address,
            accepted_contexts(queries=self._queries is not None),
            [
                (evt.EVT_C_ECHO, _on_echo),
                (evt.EVT_C_STORE, self._on_store),
                (evt.EVT_REJECTED, _on_rejected),
                (evt.EVT_REQUESTED, self._on_requested),
                (evt.EVT_SOP_EXTENDED, self._on_extended),
            ],
            self._archive,
            self._maximum_pdu,
            self._queries,
        )

    def stop(self) -> None:
        if self._listener is None or self._thread is None:
            return
        listener, self._listener = self._listener, None
        listener.shutdown()
        self._thread.join()
        listener.drain(self._drain)

    def _on_requested(self, event: Any) -> None:
        """Keep associations free for those who send, however many there are that query."""
        association, listener = event.assoc, self._listener
        proposed = association.requestor.primitive.presentation_context_definition_list
        syntaxes = [str(context.abstract_syntax) for context in proposed]
        if self._queries is None or listener is None or not self._queries.is_proposed(syntaxes):
            return
        association.is_querying = True
        querying = sum(each.is_querying for each in listener.active_associations)
        if querying > self._queries.maximum_associations:
            association.note("too many associations that query")
            association.acse.send_reject(0x02, 0x03, 0x02)  # PS3.8 Table 9-21: local limit
            association.kill()

    def _on_extended(self, event: Any) -> dict[str, bytes]:
        return self._queries.negotiated(event.app_info) if self._queries else {}

    def _on_store(self, event: Any) -> Dataset:
        """Answer a C-STORE request: 0x0000 only after `Intake.receive` returned."""
        with contextlib.ExitStack() as told:
            return self._answer_store(event, told)

    def _answer_store(self, event: Any, told: contextlib.ExitStack) -> Dataset:
        spool: Spool | None = event.request._dataset_file
        try:
            self._store(event, spool, told)
            code = status.SUCCESS
        except _Mismatch:
            code = status.DOES_NOT_MATCH
        except WetreadError as error:
            code = status.status_for(error)
        except Exception as error:
            # The boundary to the network: the sender gets a failure and keeps its copy.
            LOG.exception("C-STORE broke: %s", type(error).__name__)
            code = status.status_for(error)
        finally:
            if spool is not None:
                with contextlib.suppress(WetreadError):
                    spool.discard()  # no harm where the intake took it
                event.assoc.dimse.release(spool)
            # The peer was silent because it waits for us: this is not its timeout.
            event.assoc.dul._idle_timer.restart()
        answer = Dataset()
        answer.Status = code
        if code != status.SUCCESS:
            answer.ErrorComment = status.comment_for(code)
            LOG.warning(
                "Instance from %s not stored: 0x%04X, %s",
                event.assoc.requestor.ae_title,
                code,
                status.comment_for(code),
            )
        return answer

    def _store(self, event: Any, spool: Spool | None, told: contextlib.ExitStack) -> None:
        if spool is None:
            raise UnreadableInstance("the request has no data set")
        if spool.error is not None:
            raise spool.error
        request = event.request
        try:
            description = self._archive.describe(spool.path)
        except InputError:
            pass  # the intake sees the same, and keeps the bytes in quarantine
        else:
            told.enter_context(about(description.study_instance_uid))
            said = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
            if said != (description.sop_class_uid, description.sop_instance_uid):
                raise _Mismatch
        origin = Origin(
            Source.DIMSE,
            calling_ae=str(event.assoc.requestor.ae_title).strip(),
            called_ae=self._ae.ae_title,
            priority=_PRIORITIES.get(request.Priority, Priority.MEDIUM),
        )
        self._intake.receive(spool.path, origin)


def _on_echo(event: Any) -> int:
    return status.SUCCESS


def _on_rejected(event: Any) -> None:
    primitive = event.assoc.acceptor.primitive
    key = (primitive.result_source, primitive.diagnostic) if primitive else (0, 0)
    event.assoc.note(_REJECTIONS.get(key, "no reason"))
