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
    """

    study_instance_uid: str
    state: StudyState
    revision: int
    instances: int
    priority: Priority
    received_at: datetime
    quiet_until: datetime
    attributes: Attributes
