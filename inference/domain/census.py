"""What stands where at this moment, for those who watch over a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inference.domain.incident import Decision, IncidentKind
from inference.domain.instance import Priority
from inference.domain.job import JobState
from inference.domain.study import StudyState


@dataclass(frozen=True, slots=True)
class Queued:
    """Jobs that wait for a worker. `model` is "" where no rule took the Study."""

    model: str
    priority: Priority
    jobs: int
    oldest: datetime  # when the first of them was enqueued


@dataclass(frozen=True, slots=True)
class Census:
    """Counts; those of Jobs by state and name of the model, those of Deliveries by Destination.

    Jobs in shadow wait in `queued` like the others, and are not in `jobs`. `removed` is of
    Instances that retention took away and that did not come again. `incidents` are open, and
    `to_compare` those of them that wait for a comparison; `resolved` are the others.
    """

    studies: Mapping[StudyState, int]
    jobs: Mapping[tuple[JobState, str], int]
    queued: tuple[Queued, ...]
    waiting: Mapping[str, int]
    failed: Mapping[str, int]
    instances: int
    removed: int
    incidents: Mapping[IncidentKind, int]
    to_compare: Mapping[IncidentKind, int]
    resolved: Mapping[Decision, int]
