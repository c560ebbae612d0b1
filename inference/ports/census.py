"""How many of everything there are."""

from __future__ import annotations

from typing import Protocol

from inference.domain.census import Census


class CensusTaker(Protocol):
    def take(self) -> Census:
        """Count, in one state of the database. Raises `RepositoryUnavailable`."""
        ...
