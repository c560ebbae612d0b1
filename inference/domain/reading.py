"""The reading list: Studies in the order in which a person should look at them.

Where several results count, the most urgent of them says where the Study stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inference.domain.finding import Presence
from inference.domain.job import Job
from inference.domain.matching import folded
from inference.domain.result import Outcome, Result
from inference.domain.review import Review
from inference.domain.study import Study

# What results and annotations are, and nobody lists to read.
DERIVED_MODALITIES = ("KO", "PR", "SEG", "SR")


class Standing(StrEnum):
    """What the results say of a Study, the most urgent first."""

    PRESENT = "present"
    UNDETERMINED = "undetermined"
    FAILED = "failed"
    NOT_ASSESSED = "not assessed"
    ABSENT = "absent"
    WAITING = "waiting"  # there is no result yet


PRESENCES = {
    Standing.PRESENT: Presence.PRESENT,
    Standing.UNDETERMINED: Presence.UNDETERMINED,
    Standing.ABSENT: Presence.ABSENT,
}


class Order(StrEnum):
    """URGENCY: a finding that is present by its certainty, then what is undetermined, then all
    others; within those, what waits longest goes first.
    """

    URGENCY = "urgency"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class ReadingQuery:
    """What to list; "" and None do not narrow.

    `text` is a part of the patient's name or ID, or of the accession number; `patient_id` is
    the whole of it. `first_date` and `last_date` are Study Dates (DA), `model` is a model's
    name. `finding` is the meaning of one that was looked for; where `standing` is a presence,
    the finding has it.
    """

    text: str = ""
    patient_id: str = ""
    modality: str = ""
    body_part: str = ""
    model: str = ""
    finding: str = ""
    standing: Standing | None = None
    reviewed: bool | None = None
    first_date: str = ""
    last_date: str = ""
    order: Order = Order.URGENCY
    limit: int = 50
    offset: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """Every one of them has to be in the patient's name, in any order."""
        return tuple(folded(self.text).replace("^", " ").replace(",", " ").split())


@dataclass(frozen=True, slots=True)
class Reading:
    """A Study with what is known of it. Nothing in it is in shadow.

    `results` are those that count; `jobs` are those of the newest revision, ended or not.
    `reviews` are of the `results`, also what is superseded, the oldest first.
    """

    study: Study
    standing: Standing
    jobs: tuple[Job, ...]
    results: tuple[tuple[Job, Result], ...]
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True)
class ReadingPage:
    """`total` counts what the query finds on all pages."""

    readings: tuple[Reading, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ReadingChoices:
    """What there is to narrow by."""

    modalities: tuple[str, ...]
    models: tuple[str, ...]
    body_parts: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingLoad:
    """How many Studies there are, Jobs that wait or run, and Deliveries under way."""

    studies: int
    jobs: int
    deliveries: int


def counting(results: Sequence[tuple[Job, Result]]) -> tuple[tuple[Job, Result], ...]:
    """Return the results of one Study that count, in the order of their Jobs.

    A later revision's result replaces one by a model of the same name, and every one without
    a model.
    """
    return tuple(
        sorted(
            (
                (job, result)
                for job, result in results
                if not any(replaces(later, result) for _, later in results)
            ),
            key=lambda each: each[0].job_id,
        )
    )


def replaces(later: Result, result: Result) -> bool:
    return later.revision > result.revision and (
        result.model is None or _name(later) == _name(result)
    )


def standing_of(results: Sequence[Result]) -> Standing:
    """Return where a Study with these results stands."""
    said = {_standing(each) for each in results}
    return next((each for each in Standing if each in said), Standing.WAITING)


def turn_of(results: Sequence[Result]) -> float:
    """Return what a list by urgency is sorted by, the smaller the sooner.

    What is present goes from 0 (certain) to 1, what is undetermined is 2, all others are 3.
    """
    standing = standing_of(results)
    if standing is Standing.PRESENT:
        return 1 - certainty_of(results)
    return 2.0 if standing is Standing.UNDETERMINED else 3.0


def certainty_of(results: Sequence[Result]) -> float:
    """Return the highest certainty of what is present; -1 where nothing is."""
    return max(
        (
            found.certainty
            for result in results
            for found in result.findings
            if found.presence is Presence.PRESENT
        ),
        default=-1.0,
    )


def _standing(result: Result) -> Standing:
    said = {each.presence for each in result.findings}
    if Presence.PRESENT in said:
        return Standing.PRESENT
    if Presence.UNDETERMINED in said:
        return Standing.UNDETERMINED
    if result.failed:
        return Standing.FAILED
    if result.outcome is Outcome.NOT_ASSESSED:
        return Standing.NOT_ASSESSED
    return Standing.ABSENT


def _name(result: Result) -> str:
    return result.model.name if result.model else ""
