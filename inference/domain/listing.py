"""What is listed page by page, the newest first; "" and None do not narrow.

`before` is the number of the last entry of the page before: a page deep in the list costs no
more than the first, and nothing is missed or told twice while new entries come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from inference.domain.delivery import DeliveryState
from inference.domain.finding import Presence
from inference.domain.job import Job, JobState
from inference.domain.reading import Standing
from inference.domain.result import Outcome, Result
from inference.domain.review import Review, Verdict
from inference.domain.study import Study, StudyState


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """Dates are Study Dates (DA). `patient_id` and `accession_number` match to the letter."""

    study_instance_uid: str = ""
    state: StudyState | None = None
    standing: Standing | None = None
    modality: str = ""
    patient_id: str = ""
    accession_number: str = ""
    first_date: str = ""
    last_date: str = ""
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class ResultQuery:
    """`sop_instance_uid` is that of an object of the result. `first` and `last` are when it
    was produced, `first_date` and `last_date` Study Dates (DA), both included. `presence`: at
    least one finding has it.
    """

    study_instance_uid: str = ""
    model: str = ""
    version: str = ""
    outcome: Outcome | None = None
    presence: Presence | None = None
    reviewed: bool | None = None
    sop_instance_uid: str = ""
    patient_id: str = ""
    first: datetime | None = None
    last: datetime | None = None
    first_date: str = ""
    last_date: str = ""
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    study_instance_uid: str = ""
    state: JobState | None = None
    model: str = ""
    shadow: bool | None = None
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    delivery_id: int | None = None
    job_id: int | None = None
    destination: str = ""
    state: DeliveryState | None = None
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewQuery:
    study_instance_uid: str = ""
    job_id: int | None = None
    verdict: Verdict | None = None
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A result with its Study and every Review of it, also what is superseded, the oldest first."""

    study: Study
    job: Job
    result: Result
    reviews: tuple[Review, ...]
