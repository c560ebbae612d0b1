"""What retention takes away, told apart from what was never here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from inference.domain.retention import RetentionTerms, Weighed


class Removals(Protocol):
    """Each method is one transaction. Raises `RepositoryUnavailable`."""

    def due(self, before: datetime) -> Sequence[str]:
        """Return the Studies with images of which nothing arrived after `before`, oldest first."""
        ...

    def weigh(self, study_instance_uid: str, terms: RetentionTerms) -> Weighed | None:
        """Say what claims the images of a Study; None where there are none."""
        ...

    def remove(
        self, study_instance_uid: str, terms: RetentionTerms, at: datetime
    ) -> Weighed | None:
        """Weigh, and where nothing claims them take the Instances out of index and catalog.

        Their files are `unfinished` from then on.
        """
        ...

    def unfinished(self, limit: int = 500) -> Sequence[str]:
        """Return keys of files that have still to go. No Instance is kept under one of them."""
        ...

    def finish(self, keys: Sequence[str]) -> None:
        """Say that these files are gone."""
        ...
