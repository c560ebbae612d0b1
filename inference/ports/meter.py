"""What is counted while it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from inference.domain.instance import Origin, Receipt
from inference.domain.job import ModelId
from inference.domain.refusal import Reason
from inference.domain.review import Verdict


class Stage(StrEnum):
    """A part of a Study's way, each with the seconds that it takes."""

    RECEIVE = "receive"  # an Instance: from its last byte to the promise to keep it
    QUEUE = "queue"  # a Job: from enqueued to claimed
    READ = "read"  # a Job: pixels, gate and model
    ENCODE = "encode"  # a Job: into DICOM objects, in the archive
    RECORD = "record"  # a Job: into the database
    DELIVER = "deliver"  # a Delivery, one attempt


class DeliveryOutcome(StrEnum):
    DELIVERED = "delivered"
    UNREACHABLE = "unreachable"  # tried again later
    REFUSED = "refused"  # given up, until somebody replays it


class Meter(Protocol):
    """Never raises, never waits, and is told nothing of a patient."""

    def received(self, origin: Origin, receipt: Receipt, size: int) -> None:
        """An Instance of `size` bytes was taken."""
        ...

    def took(self, stage: Stage, seconds: float) -> None: ...

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None:
        """A model was asked about so many pictures at once, and computed for so long."""
        ...

    def saw(self, model: ModelId, statistics: Mapping[str, Sequence[float]]) -> None:
        """A model was shown pictures with these values, by the name of a statistic."""
        ...

    def refused(self, model: ModelId | None, reason: Reason) -> None: ...

    def delivered(self, destination: str, outcome: DeliveryOutcome) -> None: ...

    def reviewed(self, model: ModelId | None, verdict: Verdict) -> None: ...


class Unmetered:
    """A `Meter` that counts nothing."""

    def received(self, origin: Origin, receipt: Receipt, size: int) -> None: ...

    def took(self, stage: Stage, seconds: float) -> None: ...

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None: ...

    def saw(self, model: ModelId, statistics: Mapping[str, Sequence[float]]) -> None: ...

    def refused(self, model: ModelId | None, reason: Reason) -> None: ...

    def delivered(self, destination: str, outcome: DeliveryOutcome) -> None: ...

    def reviewed(self, model: ModelId | None, verdict: Verdict) -> None: ...
