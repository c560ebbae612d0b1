"""The way back into an Orthanc: results, by its REST API."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from inference.domain.errors import DestinationRefused, DestinationUnreachable
from inference.domain.result import ResultObject
from inference.domain.uid import check_uid
from orthanc.client import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    NotFound,
    Orthanc,
    OrthancError,
    describe,
    http_status,
)

# Statuses that speak of the object itself. All others (a wrong password, a full disk, a proxy
# that starts) can be mended on the other side, and the same object will then do.
_REFUSALS = frozenset({400, 413, 415, 422})


class OrthancDestination:
    """A Destination. After the upload it looks whether Orthanc really holds each object."""

    def __init__(
        self,
        name: str,
        url: str,
        username: str = "",
        password: str = "",
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._name = name
        self._arguments = (url, username, password, connect_timeout, read_timeout)
        self._connect().close()  # refuses a bad address now

    @property
    def name(self) -> str:
        return self._name

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        """POST /instances for each object, then POST /tools/lookup."""
        # One connection for each call: it may come from several threads.
        with contextlib.closing(self._connect()) as orthanc:
            try:
                for _, path in objects:
                    with path.open("rb") as part10:
                        orthanc.upload(part10)
                for made, _ in objects:
                    if not _is_held(orthanc, made):
                        raise DestinationRefused(
                            f"{self._name} took the object and does not hold it: "
                            "a filter, or it recycles its storage"
                        )
            except OrthancError as error:
                if http_status(error) in _REFUSALS:
                    raise DestinationRefused(
                        f"{self._name} refuses the object: {describe(error)}"
                    ) from error
                raise DestinationUnreachable(
                    f"{self._name} does not take the object now: {describe(error)}"
                ) from error

    def _connect(self) -> Orthanc:
        return Orthanc(*self._arguments)


def _is_held(orthanc: Orthanc, made: ResultObject) -> bool:
    studies = orthanc.find_studies(check_uid(made.study_instance_uid))
    for instance in orthanc.find_instances(check_uid(made.sop_instance_uid)):
        with contextlib.suppress(NotFound):  # deleted between the two requests
            if orthanc.study_of(instance) in studies:
                return True
    return False
