"""A destination that takes results by C-STORE."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from dicom_node.archive.header import describe
from dicom_node.dimse import status
from dicom_node.dimse.requester import (
    MAXIMUM_CONTEXTS,
    Peer,
    accepts,
    association,
    needed_contexts,
    store,
)
from dicom_node.dimse.timeouts import Timeouts
from inference.domain.errors import (
    DestinationRefused,
    DestinationUnreachable,
    InputError,
)
from inference.domain.instance import Description
from inference.domain.result import ResultObject

_log = logging.getLogger(__name__)


class DicomDestination:
    """Implements `inference.ports.Destination`: an AE that stores.

    What is sent twice is no error, also where the peer says so (0x0111).

    Many a PACS takes no Parametric Map. What is a courtesy and not accepted is left out, and
    the log says so; a report or a segmentation that is not accepted is an error.
    """

    def __init__(
        self,
        name: str,
        *,
        ae_title: str,
        host: str,
        port: int,
        calling_ae_title: str = "WETREAD",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._name = name
        self._peer = Peer(host, port, ae_title, calling_ae_title)
        self._timeouts = timeouts or Timeouts()

    @property
    def name(self) -> str:
        return self._name

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        if not objects:
            return
        described = [(each, path, _describe(path)) for each, path in objects]
        pairs = needed_contexts(description for _, _, description in described)
        if len(pairs) > MAXIMUM_CONTEXTS:
            raise DestinationRefused(f"One result needs {len(pairs)} presentation contexts.")
        with association(self._peer, pairs, self._timeouts) as opened:
            for number, (each, path, description) in enumerate(described, start=1):
                if each.role.is_courtesy and not accepts(opened, description):
                    _log.warning("%s does not accept the %s; left out", self._peer, each.role)
                    continue
                code = store(opened, path, description, number % 65535 or 1)
                if status.is_taken(code):
                    continue
                if code == status.DUPLICATE_SOP_INSTANCE:
                    # From an earlier try, of which not all arrived, or nobody heard that it
                    # did: nobody else makes our UIDs, and of one UID we send the same bytes.
                    _log.warning("%s holds the %s already", self._peer, each.role)
                    continue
                message = f"{self._peer} answered 0x{code:04X} to the {each.role}"
                if status.may_try_again(code):
                    raise DestinationUnreachable(message)
                raise DestinationRefused(message)


def _describe(path: Path) -> Description:
    try:
        return describe(path)
    except FileNotFoundError as error:
        raise DestinationUnreachable("The object is missing from the archive.") from error
    except InputError as error:
        raise DestinationRefused(f"The object cannot be sent: {error}") from error
