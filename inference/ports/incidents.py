"""What was set aside, until somebody says what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inference.domain.incident import Incident, IncidentQuery, Resolution


class Incidents(Protocol):
    """Each method is one transaction. Raises `RepositoryUnavailable`."""

    def incidents(self, query: IncidentQuery) -> Sequence[Incident]: ...

    def incident(self, incident_id: int) -> Incident | None: ...

    def resolve(self, incident_id: int, resolution: Resolution) -> bool:
        """Keep `resolution`; False where there is no such incident, or it has one."""
        ...

    def settled(self, before: datetime) -> Sequence[int]:
        """Return the incidents resolved before, with bytes, of whose Study no image is held."""
        ...

    def remove(self, incident_ids: Sequence[int], at: datetime) -> int:
        """Let go of the bytes of resolved incidents; return of how many.

        Bytes that an open incident has, too, stay. Their files are `Removals.unfinished`.
        """
        ...
