"""pynetdicom's own logging."""

from __future__ import annotations

import logging


def quiet_pynetdicom() -> None:
    """Keep pynetdicom out of the log: it quotes UIDs and values, and prints tracebacks for
    what a peer did wrong. What matters of it is said by `dicom_node.dimse`, in one line.
    """
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
