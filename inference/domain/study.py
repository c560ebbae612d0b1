"""A Study: still arriving, or stable as a numbered revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.instance import Attributes, Priority


class StudyState(StrEnum):
    RECEIVING = "receiving"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class Study:
    """`revision` counts the times that the Study became stable; 0 before the first.

    `quiet_until` is when it becomes stable if nothing more arrives. `attributes` are those
    of the Instance that arrived last.

    `instances` are held; `removed` were, until retention took them away, the last of them at
    `removed_at`, and have not come again.
    """

    study_instance_uid: str
    state: StudyState
    revision: int
    instances: int
    priority: Priority
    received_at: datetime
    quiet_until: datetime
    attributes: Attributes
    removed: int = 0
    removed_at: datetime | None = None

    @property
    def gone(self) -> str:
        """Say in a sentence what retention took away; "" where nothing is missing."""
        if not self.removed:
            return ""
        count = "1 image" if self.removed == 1 else f"{self.removed} images"
        verb = "was" if self.removed == 1 else "were"
        on = f" on {self.removed_at:%Y-%m-%d}" if self.removed_at else ""
        return f"{count} of this study {verb} removed from here by retention{on}."
