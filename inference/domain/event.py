"""What happened, as one is told who waits for it. Nothing in it says who the patient is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.job import Job


class EventKind(StrEnum):
    STUDY_RECEIVED = "study.received"  # its first image, or the first of a new revision
    STUDY_STABLE = "study.stable"
    JOB_STARTED = "job.started"  # at every attempt
    JOB_FINISHED = "job.finished"
    JOB_FAILED = "job.failed"  # for good
    DELIVERY_SENT = "delivery.sent"
    DELIVERY_FAILED = "delivery.failed"  # for good
    REVIEW_MADE = "review.made"
    IMAGES_REMOVED = "images.removed"  # by retention
    INCIDENT_OPENED = "incident.opened"  # bytes were set aside
    INCIDENT_CLOSED = "incident.closed"  # somebody resolved it, or a comparison did


@dataclass(frozen=True, slots=True)
class Event:
    """`number` grows as things come to be: who has read up to one has missed nothing before.

    `detail` is the model, the Destination or the verdict that it is about; how many images were
    removed; of what kind an incident is, or what was decided. `at` is None before it is kept.
    """

    kind: EventKind
    study_instance_uid: str
    revision: int | None = None
    job_id: int | None = None
    delivery_id: int | None = None
    review_id: int | None = None
    incident_id: int | None = None
    detail: str = ""
    shadow: bool = False
    number: int = 0
    at: datetime | None = None


def event_of(job: Job, kind: EventKind) -> Event:
    """Return what is told of a Job."""
    asked = job.request
    return Event(
        kind,
        asked.study_instance_uid,
        revision=asked.revision,
        job_id=job.job_id,
        detail=str(asked.model or ""),
        shadow=asked.shadow,
    )
