"""What the contracts of the database work on: the ports over one store, and their material."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence, Region
from inference.domain.instance import (
    Attributes,
    Description,
    Instance,
    Origin,
    Priority,
    Source,
)
from inference.domain.job import JobRequest, Lease, ModelId
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Outcome, Result, ResultObject, Role
from inference.domain.study import Study
from inference.ports import (
    Catalog,
    Cursors,
    Events,
    Incidents,
    Index,
    JobQueue,
    Listing,
    Outbox,
    ReadingList,
    Removals,
    Results,
    Reviews,
    Rollouts,
    Workitems,
)
from inference.ports.census import CensusTaker

T0 = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
QUIET = timedelta(seconds=10)
LEASE = timedelta(seconds=60)
STUDY = "1.2.3"
MODEL = ModelId("chest", "1")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Repositories:
    index: Index
    queue: JobQueue
    results: Results
    outbox: Outbox
    cursors: Cursors
    rollouts: Rollouts
    catalog: Catalog
    reviews: Reviews
    reading: ReadingList
    listing: Listing
    workitems: Workitems
    events: Events
    census: CensusTaker
    removals: Removals
    incidents: Incidents

    def receive(self, study: str = STUDY) -> Study:
        """Add one Instance; return its Study."""
        self.index.add(make_instance(f"{study}.1.1", study=study), T0, QUIET)
        found = self.index.study(study)
        assert found is not None
        return found

    def enqueue(self, **changes: Any) -> None:
        request = make_request(**changes)
        if self.index.study(request.study_instance_uid) is None:
            self.receive(request.study_instance_uid)
        self.queue.enqueue([request], T0)

    def read(
        self,
        study: str,
        result: Result | None = None,
        seconds: float = 0,
        shadow: bool = False,
        destinations: Sequence[str] = (),
        **attributes: Any,
    ) -> int:
        """Receive a Study after so many seconds, and end a Job with `result`, if any.

        Return the Job's number.
        """
        instance = make_instance(f"{study}.1.1", study=study, **attributes)
        self.index.add(instance, at(seconds), QUIET)
        if result is None:
            return 0
        given = replace(result, study_instance_uid=study)
        request = make_request(
            study_instance_uid=study, revision=given.revision, model=given.model, shadow=shadow
        )
        self.queue.enqueue([request], at(seconds))
        lease = self.claim(seconds)
        self.results.record(lease, given, destinations)
        return lease.job.job_id

    def claim(self, seconds: float = 0, worker: str = "w") -> Lease:
        lease = self.queue.claim(worker, at(seconds), LEASE)
        assert lease is not None
        return lease


class RepositoriesContract(ABC):
    @pytest.fixture
    @abstractmethod
    def repositories(self) -> Repositories:
        """Return empty ones."""


def make_instance(
    sop_instance_uid: str,
    *,
    study: str = STUDY,
    series: str = "",
    sha256: str = "",
    priority: Priority = Priority.MEDIUM,
    **attributes: Any,
) -> Instance:
    return Instance(
        Description(
            study_instance_uid=study,
            series_instance_uid=series or f"{study}.1",
            sop_instance_uid=sop_instance_uid,
            sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            attributes=Attributes(**{"patient_name": "Doe^Jané", "modality": "DX"} | attributes),
        ),
        Origin(Source.DIMSE, "MODALITY", "WETREAD", priority),
        key=f"studies/{study}/{sop_instance_uid}.dcm",
        sha256=sha256 or "a" * 64,
        size=1234,
    )


def make_request(**changes: Any) -> JobRequest:
    values: dict[str, Any] = {
        "study_instance_uid": STUDY,
        "revision": 1,
        "model": MODEL,
        "rule": "a rule",
        "priority": Priority.MEDIUM,
        "instances": (f"{STUDY}.1.2", f"{STUDY}.1.1"),
    }
    return JobRequest(**values | changes)


def make_object(number: int = 1) -> ResultObject:
    return ResultObject(
        Role.REPORT,
        "1.2.840.10008.5.1.4.1.1.88.33",
        f"2.25.{number}",
        f"2.25.{number}.1",
        STUDY,
        f"results/{STUDY}/2.25.{number}.dcm",
    )


def make_result(**changes: Any) -> Result:
    opacity = Code("1", "99TEST", "Opacity")
    doubt = Refusal(Reason.AGE_UNKNOWN, "the header gives no age", "1.2.3.1.1")
    finding = Finding(
        finding=opacity,
        site=Code("2", "99TEST", "Lung"),
        presence=Presence.UNDETERMINED,
        certainty=0.1 + 0.2,
        threshold=0.5,
        sop_instance_uid="1.2.3.1.1",
        region=Region(((0.0, 1.5), (2.0, 3.25), (4.0, 0.0)), whole_image=True),
        frame=2,
        doubts=(doubt,),
    )
    values: dict[str, Any] = {
        "study_instance_uid": STUDY,
        "revision": 1,
        "model": MODEL,
        "outcome": Outcome.ASSESSED,
        "findings": (finding,),
        "refusals": (Refusal(Reason.NO_PIXELS, "no pixels, « sorry »", "1.2.3.1.2"),),
        "produced_at": at(5),
        "seconds": 1.25,
        "objects": (make_object(1), make_object(2)),
    }
    return Result(**values | changes)


def make_failure(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "outcome": Outcome.NOT_ASSESSED,
        "findings": (),
        "refusals": (Refusal(Reason.PROCESSING_FAILED, "it broke"),),
        "failed": True,
    }
    return make_result(**values | changes)
