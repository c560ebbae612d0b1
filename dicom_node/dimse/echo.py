"""C-ECHO: does an AE answer?"""

from __future__ import annotations

import time

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.sop_class import Verification

from dicom_node.dimse.requester import Peer, association
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import DestinationRefused, DestinationUnreachable


def echo(
    host: str,
    port: int,
    *,
    called_ae: str = "WETREAD",
    calling_ae: str = "WETREAD-ECHO",
    timeouts: Timeouts | None = None,
) -> float:
    """Return the seconds from connecting to the answer (PS3.4 Annex A).

    Raises `DestinationUnreachable` or `DestinationRefused`.
    """
    peer = Peer(host, port, called_ae, calling_ae)
    started = time.monotonic()
    pairs = [(str(Verification), str(ImplicitVRLittleEndian))]
    with association(peer, pairs, timeouts or Timeouts()) as opened:
        status = opened.send_c_echo().get("Status")
        seconds = time.monotonic() - started
    if status is None:
        raise DestinationUnreachable(f"{peer} does not answer C-ECHO")
    if status != 0x0000:
        raise DestinationRefused(f"{peer} answered 0x{status:04X} to C-ECHO")
    return seconds
