"""A Delivery: one result, or a review of one, on its way to one Destination."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.result import ResultObject

OWN_ARCHIVE = "archive"  # the Destination that every node has


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many Deliveries to one Destination stand where. `due` is when the next one is tried."""

    destination: str
    pending: int
    delivered: int
    failed: int
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    delivery_id: int
    job_id: int
    destination: str
    state: DeliveryState
    attempts: int
    objects: tuple[ResultObject, ...]
    next_attempt_at: datetime
    delivered_at: datetime | None = None
    error: str = ""
