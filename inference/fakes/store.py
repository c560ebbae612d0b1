"""What the fakes of the database share, as the adapters share their database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from inference.domain.catalog import Field, Value, values_of
from inference.domain.delivery import Delivery, DeliveryState
from inference.domain.errors import LeaseLost, RepositoryUnavailable
from inference.domain.event import Event
from inference.domain.incident import Incident
from inference.domain.instance import Description, Instance
from inference.domain.job import Job, JobRequest, JobState, Lease
from inference.domain.result import Result, ResultObject
from inference.domain.review import Review
from inference.domain.rollout import RolloutChange
from inference.domain.study import Study


@dataclass(slots=True)
class JobRow:
    """A Job with what only the queue knows of it."""

    job: Job
    due_at: datetime
    worker: str = ""
    fence: int = 0

    @property
    def lease(self) -> Lease:
        return Lease(self.job, self.worker, self.fence, self.due_at)


@dataclass(slots=True)
class CatalogRow:
    """A catalogued Instance. `values` are those of the three levels, as its header has them."""

    number: int
    values: dict[Field, Value]
    key: str
    leads: bool  # do its patient and Study count?
    described: bool
    removed: bool = False  # what it says of patient and Study stays


@dataclass(slots=True)
class RemovedRow:
    """An Instance that retention took away. `key` is of the file that has still to go."""

    study_instance_uid: str
    times: int
    held: bool
    key: str


@dataclass(slots=True)
class MemoryStore:
    """Set `unavailable` to make every method of every fake raise `RepositoryUnavailable`."""

    studies: dict[str, Study] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    removed: dict[str, RemovedRow] = field(default_factory=dict)  # by SOP Instance UID
    incidents: list[Incident] = field(default_factory=list)
    incident_removals: dict[int, int] = field(default_factory=dict)  # by number
    going: dict[int, str] = field(default_factory=dict)  # files that have still to go, the same
    revisions: int = 0
    jobs: dict[int, JobRow] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)  # by Job, the oldest first
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    rollouts: dict[str, list[RolloutChange]] = field(default_factory=dict)  # the oldest first
    catalog: dict[str, CatalogRow] = field(default_factory=dict)  # by SOP Instance UID
    reviews: list[Review] = field(default_factory=list)  # the oldest first
    events: list[Event] = field(default_factory=list)
    last_event: int = 0
    pruned_event: int = 0
    unavailable: bool = False
    _lock: RLock = field(default_factory=RLock)
    _last_job: int = 0
    _last_delivery: int = 0
    _last_entry: int = 0

    def transaction(self) -> AbstractContextManager[object]:
        """Return the lock to hold. Check first, then change: there is no rollback."""
        if self.unavailable:
            raise RepositoryUnavailable()
        return self._lock

    def add_job(self, request: JobRequest, at: datetime) -> None:
        name = request.model and request.model.name
        for row in self.jobs.values():
            other = row.job.request
            if (
                other.study_instance_uid == request.study_instance_uid
                and other.revision == request.revision
                and (other.model and other.model.name) == name
                and other.shadow == request.shadow
            ):
                return
        self._last_job += 1
        job = Job(self._last_job, request, JobState.QUEUED, attempts=0, enqueued_at=at)
        self.jobs[job.job_id] = JobRow(job, due_at=at)

    def catalogue(self, description: Description, key: str, *, described: bool = True) -> None:
        uid = description.sop_instance_uid
        before = self.catalog.get(uid)
        if before is None or before.removed:
            self._last_entry += 1
        self.catalog[uid] = CatalogRow(
            before.number if before and not before.removed else self._last_entry,
            dict(values_of(description)),
            key,
            leads=not description.attributes.made_by_wetread,
            described=described,
        )

    def held(self, lease: Lease) -> JobRow:
        """Raises `LeaseLost`."""
        row = self.jobs.get(lease.job.job_id)
        if row is None or row.fence != lease.fence or row.job.state is not JobState.RUNNING:
            raise LeaseLost()
        return row

    def tell(self, event: Event, at: datetime) -> None:
        self.last_event += 1
        self.events.append(replace(event, number=self.last_event, at=at))

    def deliver(
        self,
        job_id: int,
        objects: Sequence[ResultObject],
        destinations: Sequence[str],
        at: datetime,
    ) -> None:
        for destination in dict.fromkeys(destinations):
            self._last_delivery += 1
            self.deliveries[self._last_delivery] = Delivery(
                self._last_delivery,
                job_id,
                destination,
                DeliveryState.PENDING,
                attempts=0,
                objects=tuple(objects),
                next_attempt_at=at,
            )
