"""pynetdicom's upper layer, made fit for an open port and for large data sets.

Three things differ. A PDU is read into one buffer and with bounds on its length and on the
time that it takes; C-STORE data goes from that buffer to the archive's disk; and what a peer
did wrong makes one line in our log and ends its association, never a thread.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from dicom_node.dimse.messages import PeerError, SpoolingDimse
from dicom_node.dimse.query_retrieve import QueryRetrieve
from dicom_node.dimse.writer import PeerGone, Writer
from inference.ports import Archive

_P_DATA_TF = 0x04  # PDU type, PS3.8 Section 9.3.5
_PDU_TYPES = range(0x01, 0x08)
_A_ABORT = bytes.fromhex(
    "07 00 00000004 00 00 02 01"
)  # PS3.8 Section 9.3.8: provider, unrecognised
_AWAITING = "Sta2"  # a connection on which no association was asked for yet
_ESTABLISHED = "Sta6"  # PS3.8 Table 9-10
_MAX_OTHER_PDU = 1 << 20  # bytes; an A-ASSOCIATE-RQ of 128 contexts has some 200 kB
_MAX_UNLIMITED_PDU = 64 << 20  # bytes, where no maximum is announced
_PATIENCE = 0.05  # seconds between two looks at whether to stop


class _GuardedDul(DULServiceProvider):  # type: ignore[misc]
    """Reads PDUs within bounds and writes C-STORE data past pynetdicom's queues."""

    def __init__(self, association: ReceivingAssociation, maximum_pdu: int) -> None:
        super().__init__(association)
        self._maximum_pdu = maximum_pdu or _MAX_UNLIMITED_PDU
        self._buffer = bytearray(6)

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        except Exception as error:
            self.assoc.note(f"the upper layer broke: {type(error).__name__}")
            self._kill_thread = True
            self.assoc._kill = True
            if self.socket is not None:
                self.socket._shutdown_socket()

    def _read_pdu_data(self) -> None:
        try:
            self._read_one_pdu()
            # Within a message nothing has to be sent, so the rest of it is read without
            # going through pynetdicom's loop, which sleeps a millisecond for each PDU.
            while self.assoc.dimse.message is not None and self._wait_for_data():
                self._idle_timer.restart()
                self._read_one_pdu()
        except PeerError as error:
            self.assoc.note(str(error))
            self._invalid()
        except OSError as error:
            reason = "timed out" if isinstance(error, TimeoutError) else "broke"
            self.assoc.note(f"the connection {reason} within a PDU")
            self._closed()
        except Exception as error:
            self.assoc.note(f"a PDU or message cannot be decoded: {type(error).__name__}")
            self._invalid()

    def _invalid(self) -> None:
        if self.state_machine.current_state == _AWAITING:
            # Whoever this is, it is no AE; the polite wait for it to close is not for it.
            with contextlib.suppress(OSError):
                self.socket.socket.sendall(_A_ABORT)
            self._closed()
        else:
            self.event_queue.put("Evt19")  # unrecognised or invalid PDU, PS3.8 Table 9-10

    def _closed(self) -> None:
        if self.state_machine.current_state == _AWAITING:
            # The association's thread waits for a request; without this it would do so, and
            # count as an association, until ARTIM ends.
            self.to_user_queue.put(None)
        self.event_queue.put("Evt17")  # transport connection closed

    def _wait_for_data(self) -> bool:
        if self._kill_thread or not self.event_queue.empty():
            return False
        if not self.to_provider_queue.empty():  # an abort
            return False
        return bool(select.select([self.socket.socket], [], [], _PATIENCE)[0])

    def _read_one_pdu(self) -> None:
        deadline = time.monotonic() + (self.network_timeout or 60.0)
        if not self._read_into(memoryview(self._buffer)[:6], deadline):
            self._closed()
            return
        kind, _, length = struct.unpack_from(">BBL", self._buffer)
        if kind not in _PDU_TYPES:
            raise PeerError(f"a PDU of unknown type 0x{kind:02X}: not DICOM")
        limit = self._maximum_pdu if kind == _P_DATA_TF else _MAX_OTHER_PDU
        if length > limit:
            raise PeerError(f"a PDU of {length} bytes is longer than {limit} bytes")
        if len(self._buffer) < 6 + length:
            self._buffer = bytearray(6 + length)
            struct.pack_into(">BBL", self._buffer, 0, kind, 0, length)
        body = memoryview(self._buffer)[6 : 6 + length]
        if length and not self._read_into(body, deadline):
            raise ConnectionResetError
        if kind == _P_DATA_TF and self.state_machine.current_state == _ESTABLISHED:
            # DT-2 of PS3.8 Table 9-7 without its detour: the same state, the same order.
            self._take_data(body)
            return
        pdu, event = self._decode_pdu(self._buffer[: 6 + length])
        self.event_queue.put(event)
        self._recv_pdu.put(pdu)

    def _take_data(self, body: memoryview) -> None:
        """Split P-DATA-TF into presentation data values (PS3.8 Section 9.3.5.1)."""
        if not self.event_queue.empty():
            raise PeerError("data came while the association ends")
        offset = 0
        while offset < len(body):
            if offset + 5 > len(body):
                raise PeerError("a P-DATA-TF PDU ends within an item")
            length, context_id = struct.unpack_from(">LB", body, offset)
            end = offset + 4 + length
            if length < 2 or end > len(body):
                raise PeerError("a P-DATA-TF PDU ends within an item")
            self.assoc.dimse.receive_value(context_id, body[offset + 5 : end])
            offset = end

    def _read_into(self, view: memoryview, deadline: float) -> bool:
        """Fill `view`; False if the connection was closed before its first byte."""
        sock = self.socket.socket
        total = len(view)
        while view:
            count = sock.recv_into(view)
            if not count:
                if len(view) == total:
                    return False
                raise ConnectionResetError
            view = view[count:]
            if view and time.monotonic() > deadline:
                raise TimeoutError
        return True


class ReceivingAssociation(Association):  # type: ignore[misc]
    """An association that a peer asked for."""

    dimse: SpoolingDimse

    def __init__(
        self, ae: Any, connection: socket.socket, archive: Archive, maximum_pdu: int
    ) -> None:
        super().__init__(ae, "acceptor")
        self._connection = connection
        self.dul = _GuardedDul(self, maximum_pdu)
        self.dimse = SpoolingDimse(self, archive)
        # Setting these sets the timers of the new upper layer.
        self.acse_timeout = ae.acse_timeout
        self.dimse_timeout = ae.dimse_timeout
        self.network_timeout = ae.network_timeout
        self.on_end: Callable[[ReceivingAssociation], None] = lambda _: None
        self.queries: QueryRetrieve | None = None
        self.is_querying = False  # did the peer ask for Query/Retrieve?
        self._answering = False
        self.reason = ""
        self._noting = threading.Lock()

    def note(self, reason: str) -> None:
        """Remember why this association goes wrong; the first reason counts."""
        with self._noting:
            self.reason = self.reason or reason

    def end(self) -> None:
        """Abort it; where an answer may be half out, by closing the connection."""
        if self._answering:
            # A-ABORT would wait behind what the peer does not read.
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        else:
            self.abort()

    def _serve_request(self, msg: Any, context_id: int) -> None:
        context = self._accepted_cx.get(context_id)
        if self.queries is None or context is None or not self.queries.takes(msg, context):
            super()._serve_request(msg, context_id)
            return
        self._answering = True
        try:
            with Writer(self, self._connection) as writer:
                self.queries.answer(self, writer, msg, context)
        except PeerGone:
            self.note("the peer went away while it was answered")
        except PeerError as error:
            self.note(str(error))
            self.abort()
        finally:
            self._answering = False
            self.dimse.cancel_req = {}
            # The peer was silent because it waited for us: this is not its timeout.
            self.dul._idle_timer.restart()

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        except Exception as error:
            self.note(f"the association broke: {type(error).__name__}")
            self.kill()
        finally:
            if self._started_dul:
                self.dul.join(_PATIENCE * 20)
            with contextlib.suppress(OSError):
                self._connection.close()  # pynetdicom forgets it where shutdown fails
            self.dimse.discard_unfinished()
            self.on_end(self)
