"""What is to be done, what came of it, and where that goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from inference.domain.delivery import Backlog, Delivery, DeliveryState
from inference.domain.instance import Description
from inference.domain.job import Job, JobRequest, JobState, Lease, ModelId
from inference.domain.result import Result, ResultObject


class JobQueue(Protocol):
    def enqueue(self, requests: Sequence[JobRequest], at: datetime) -> None:
        """Add Jobs, however often it is asked for.

        There is one per Study, revision and name of a model, and one more in shadow.
        """
        ...

    def claim(self, worker: str, now: datetime, lease: timedelta) -> Lease | None:
        """Take the most urgent Job that is due: higher priority first, then older first.

        Of the same priority, those in shadow go last.

        A Job whose lease has run out counts as queued. Each claim adds an attempt.
        """
        ...

    def extend(self, lease: Lease, now: datetime, by: timedelta) -> Lease:
        """Keep what was claimed for longer. Raises `LeaseLost`."""
        ...

    def retry(self, lease: Lease, error: str, not_before: datetime, *, counts: bool = True) -> None:
        """Give the Job back, to be claimed again. Raises `LeaseLost`.

        Without `counts` the attempt is taken back: what broke was not the Job's fault.
        """
        ...

    def release(self, worker: str, *, counts: bool = True) -> int:
        """Queue again all that `worker` holds, at its start after a crash; return how many.

        Without `counts` their attempts are taken back.
        """
        ...

    def leases(self) -> Sequence[Lease]:
        """Return who works on what, the oldest first; an expired one is for anybody to take."""
        ...

    def replay(self, job_id: int, at: datetime) -> bool:
        """Queue a failed Job again and forget its result; False if it is not failed."""
        ...

    def job(self, job_id: int) -> Job | None: ...

    def jobs(
        self, study_instance_uid: str | None = None, state: JobState | None = None, limit: int = 100
    ) -> Sequence[Job]:
        """Return Jobs, the newest first."""
        ...


class Results(Protocol):
    def record(
        self,
        lease: Lease,
        result: Result,
        destinations: Sequence[str],
        descriptions: Mapping[str, Description] | None = None,
    ) -> None:
        """In one transaction: end the Job, keep `result`, add a Delivery to each destination.

        The objects are catalogued, by their `descriptions` (by SOP Instance UID) where there
        are any.
        A Job in shadow has no Deliveries, and its result no objects: `ValueError` otherwise.
        Raises `LeaseLost`, and then keeps nothing.
        """
        ...

    def of_study(
        self, study_instance_uid: str, *, shadow: bool = False
    ) -> Sequence[tuple[Job, Result]]:
        """Return the results of all revisions, the newest first; `shadow`: those in shadow."""
        ...

    def of_job(self, job_id: int) -> Result | None: ...

    def predecessor(
        self, study_instance_uid: str, model: ModelId | None, revision: int
    ) -> Result | None:
        """Return the newest result before `revision` by a model of the same name.

        Never one in shadow: nobody has seen it.
        """
        ...

    def beside(self, shadow: ModelId, limit: int = 10_000) -> Sequence[tuple[Result, Result]]:
        """Return what `shadow` said in shadow, the newest first.

        Each comes with what was delivered on the same revision of the same Study by a model
        of the same name, and in front of it.
        """
        ...


class Outbox(Protocol):
    def claim(self, now: datetime, lease: timedelta) -> Delivery | None:
        """Take the Delivery that is due longest; nobody else gets it during `lease`."""
        ...

    def extend(self, delivery: Delivery, now: datetime, by: timedelta) -> Delivery:
        """Keep what was claimed for longer. Raises `LeaseLost`."""
        ...

    def release(self, at: datetime) -> int:
        """Make all that is pending due at `at`, and return how many waited for later.

        For who is alone with the outbox, at its start after a crash.
        """
        ...

    def delivered(self, delivery: Delivery, at: datetime) -> None: ...

    def retry(self, delivery: Delivery, error: str, not_before: datetime) -> None: ...

    def fail(self, delivery: Delivery, error: str) -> None: ...

    def replay(self, delivery_id: int, at: datetime) -> bool:
        """Make a failed Delivery pending again; False if it is not failed."""
        ...

    def deliveries(
        self, job_id: int | None = None, limit: int = 100, state: DeliveryState | None = None
    ) -> Sequence[Delivery]:
        """Return Deliveries, the newest first."""
        ...

    def backlog(self) -> Sequence[Backlog]:
        """Return what there is for each Destination that ever got any, by name."""
        ...


class Destination(Protocol):
    """Where results go."""

    @property
    def name(self) -> str: ...

    def send(self, objects: Sequence[tuple[ResultObject, Path]]) -> None:
        """Deliver all objects (with their Part 10 files), or raise.

        Sending an object again must do no harm. Raises `DestinationUnreachable` or
        `DestinationRefused`.
        """
        ...
