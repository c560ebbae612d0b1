"""A Job: one model asked to read one revision of one Study."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.instance import Priority


@dataclass(frozen=True, slots=True)
class ModelId:
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # assessed
    REFUSED = "refused"  # ended in a not-assessed report
    FAILED = "failed"  # every attempt broke; ended in a not-assessed report that says so


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What to do. `instances` are SOP Instance UIDs, in the order in which to read them.

    `model` is None where no rule takes the Study: the Job then only says so in a report,
    and `why` holds the reason. A Job in `shadow` is read and recorded, but not delivered.
    """

    study_instance_uid: str
    revision: int
    model: ModelId | None
    rule: str
    priority: Priority
    instances: tuple[str, ...]
    why: str = ""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    job_id: int
    request: JobRequest
    state: JobState
    attempts: int
    enqueued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a Job until `expires_at`; `fence` grows with every claim."""

    job: Job
    worker: str
    fence: int
    expires_at: datetime
