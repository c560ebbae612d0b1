"""Retention: whose images may go, and what still claims those of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from inference.domain.delivery import OWN_ARCHIVE, DeliveryState
from inference.domain.job import JobState
from inference.domain.review import Review, Verdict, current
from inference.domain.study import StudyState


class Claim(StrEnum):
    """Why the images of a Study are kept."""

    RECEIVING = "receiving"
    JOB_OPEN = "job open"
    JOB_FAILED = "job failed"
    DELIVERY_WAITING = "delivery waiting"
    DELIVERY_REFUSED = "delivery refused"
    NOT_DELIVERED = "not delivered"
    WORKITEM_OPEN = "workitem open"
    QUARANTINED = "quarantined"
    DISAGREED = "disagreed"


WORDS: Mapping[Claim, str] = MappingProxyType(
    {
        Claim.RECEIVING: "something of it is still arriving, or arrived just now",
        Claim.JOB_OPEN: "a job of it has not ended",
        Claim.JOB_FAILED: "a job of it failed, and can be replayed",
        Claim.DELIVERY_WAITING: "something made of it waits to be delivered",
        Claim.DELIVERY_REFUSED: "a destination refused something made of it",
        Claim.NOT_DELIVERED: "no result of it went to any destination",
        Claim.WORKITEM_OPEN: "a workitem that names it is open",
        Claim.QUARANTINED: "other bytes of an image of it lie in quarantine",
        Claim.DISAGREED: "a reviewer disagreed with a result of it, or added to it",
    }
)


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """Images go of Studies of which nothing arrived after `before`.

    `delivers`: results are meant for a Destination outside of this node. `reviewed`: what a
    reviewer disagreed with goes, too.
    """

    before: datetime
    delivers: bool = False
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class StudyUse:
    """What may still need the images of a Study. Jobs in shadow count as Jobs, not as results."""

    state: StudyState
    received_at: datetime
    jobs: frozenset[JobState]
    has_results: bool
    deliveries: frozenset[tuple[str, DeliveryState]]  # by Destination, reviews' among them
    in_open_workitem: bool
    in_conflict: bool
    reviews: tuple[Review, ...]  # in the order in which they were kept


@dataclass(frozen=True, slots=True)
class Weighed:
    """A Study that has images, and what claims them; they may go where nothing does."""

    study_instance_uid: str
    received_at: datetime
    instances: int
    size: int  # bytes
    claims: tuple[Claim, ...]


def claims(use: StudyUse, terms: RetentionTerms) -> tuple[Claim, ...]:
    return tuple(_claims(use, terms))


def _claims(use: StudyUse, terms: RetentionTerms) -> Iterator[Claim]:
    if use.state is not StudyState.STABLE or use.received_at > terms.before:
        yield Claim.RECEIVING
    if use.jobs & {JobState.QUEUED, JobState.RUNNING}:
        yield Claim.JOB_OPEN
    if JobState.FAILED in use.jobs:
        yield Claim.JOB_FAILED
    states = {state for _, state in use.deliveries}
    if DeliveryState.PENDING in states:
        yield Claim.DELIVERY_WAITING
    if DeliveryState.FAILED in states:
        yield Claim.DELIVERY_REFUSED
    # What lies in our own archive has reached nobody who was meant to get it.
    outside = {state for name, state in use.deliveries if name != OWN_ARCHIVE}
    if terms.delivers and use.has_results and not outside:
        yield Claim.NOT_DELIVERED
    if use.in_open_workitem:
        yield Claim.WORKITEM_OPEN
    if use.in_conflict:
        yield Claim.QUARANTINED
    if not terms.reviewed and any(_objects(each) for each in current(use.reviews)):
        yield Claim.DISAGREED


def _objects(review: Review) -> bool:
    return review.verdict is Verdict.DISAGREE or review.right_finding is not None
