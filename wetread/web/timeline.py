"""What happened to a Study, in the order in which it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inference.domain.delivery import Delivery, DeliveryState
from inference.domain.job import Job
from inference.domain.result import Result
from inference.domain.review import Review
from inference.domain.study import Study


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    what: str


def timeline(
    study: Study,
    jobs: Sequence[Job],
    results: Sequence[tuple[Job, Result]],
    deliveries: Sequence[Delivery],
    reviews: Sequence[Review],
) -> list[Event]:
    """Return what is known; a replayed Job counts from its replay."""
    total = study.instances + study.removed
    events = [Event(study.received_at, f"last image received, {total} in all")]
    if study.removed and study.removed_at:
        events.append(Event(study.removed_at, f"removed by retention: {study.removed} of {total}"))
    queued = {(each.enqueued_at, each.request.revision) for each in jobs}
    events += [Event(at, f"revision {revision} stable, queued") for at, revision in queued]
    events += [
        Event(
            result.produced_at,
            f"{result.model or 'no model'}: {'failed' if result.failed else result.outcome.value}"
            f", {result.seconds:.1f} s",
        )
        for _, result in results
    ]
    events += [
        Event(each.delivered_at, f"delivered to {each.destination}")
        for each in deliveries
        if each.delivered_at and each.state is DeliveryState.DELIVERED
    ]
    events += [Event(each.reviewed_at, f"review: {each.verdict.value}") for each in reviews]
    return sorted(events, key=lambda each: each.at)
