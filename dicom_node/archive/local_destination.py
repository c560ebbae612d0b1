"""The destination that every node has: its own archive, read by DICOMweb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inference.domain.delivery import OWN_ARCHIVE
from inference.domain.errors import DestinationUnreachable
from inference.domain.result import ResultObject


class LocalDestination:
    """Implements `inference.ports.Destination`. Results lie in the archive already."""

    def __init__(self, name: str = OWN_ARCHIVE) -> None:
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        for each, path in objects:
            if not path.is_file():
                raise DestinationUnreachable(
                    f"The {each.role} {each.sop_instance_uid} is missing from the archive."
                )
