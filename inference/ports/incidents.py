"""What was set aside, until somebody says what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from inference.domain.incident import Comparison, Incident, IncidentQuery, Resolution


class Incidents(Protocol):
    """Each method is one transaction. Raises `RepositoryUnavailable`."""

    def incidents(self, query: IncidentQuery) -> Sequence[Incident]: ...

    def incident(self, incident_id: int) -> Incident | None: ...

    def resolve(self, incident_id: int, resolution: Resolution) -> bool:
        """Keep `resolution`; False where there is no such incident, or it has one."""
        ...

    def to_compare(self, limit: int = 100) -> Sequence[Incident]:
        """Return open conflicts that nobody has begun to compare, the oldest first."""
        ...

    def begin(self, incident_id: int) -> bool:
        """Say that it is being compared; False where it is resolved, or another has begun."""
        ...

    def compared(self, incident_id: int, comparison: Comparison) -> None:
        """Keep what came of it, of an open incident."""
        ...

    def compare_again(self) -> None:
        """Let open ones whose comparison failed be compared once more.

        Those that were begun and not ended are called failed, and left alone until the next
        time: who began them may have died of them.
        """
        ...

    def settled(self, before: datetime) -> Sequence[int]:
        """Return the incidents resolved before, with bytes, of whose Study no image is held."""
        ...

    def remove(self, incident_ids: Sequence[int], at: datetime) -> int:
        """Let go of the bytes of resolved incidents; return of how many.

        Bytes that an open incident has, too, stay. Their files are `Removals.unfinished`.
        """
        ...


class ImageComparer(Protocol):
    """Compares two files that came under one SOP Instance UID."""

    def compare(self, archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        """Return `SAME`, `DIFFERS`, or `FAILED` where it cannot tell.

        It takes a minute or two at most, and ends early as `FAILED` once `stopping`. Raises
        `OSError` where a file cannot be read.
        """
        ...
