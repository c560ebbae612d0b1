"""Bytes that came in and are no part of a Study, and what somebody decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.errors import InvalidResolution
from inference.domain.instance import Origin

SYSTEM = "Wetread"  # who decides where no person does
_LONGEST_WHO = 200  # characters
_LONGEST_WHY = 2000


class IncidentKind(StrEnum):
    """Why bytes were set aside."""

    CONFLICT = "conflict"  # same SOP Instance UID, other bytes
    UNREADABLE = "unreadable"


class Decision(StrEnum):
    """What became of bytes that were set aside. The archive never takes them in another's place."""

    KEPT = "kept"  # what the archive holds stands
    RESENT = "resent"  # what was meant has come whole, or under a UID of its own
    DISMISSED = "dismissed"  # nobody needs them
    SAME = "same"  # they are the same image, encoded otherwise; only where a comparison says so


class Comparison(StrEnum):
    """What came of comparing bytes that were set aside with what the archive holds."""

    BEGUN = "begun"  # and not ended; whoever did it may have died of it
    SAME = "same"  # every attribute and every pixel
    DIFFERS = "differs"
    FAILED = "failed"  # damaged, too large, too slow, or decoded with a doubt


BY_PEOPLE = tuple(each for each in Decision if each is not Decision.SAME)
"""What is decided on somebody's word alone."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """`authenticated`: a proxy said who it was, or it is `SYSTEM`; else it is what was typed."""

    decision: Decision
    why: str
    who: str
    at: datetime
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """Bytes that were set aside, and why.

    `key` is the Archive's name for them, "" once they were removed. `sha256` is of their data
    set, `against` of the one that the Archive held under the same UID; `size` is in bytes, None
    where an older version kept it. It is open until there is a `resolution`, which stands
    however often the same bytes come again. `compared` is None before a comparison began.
    """

    kind: IncidentKind
    reason: str
    key: str
    origin: Origin
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    sha256: str = ""
    against: str = ""
    size: int | None = None
    incident_id: int = 0
    occurred_at: datetime | None = None
    times: int = 1  # that they were sent
    last_at: datetime | None = None
    removed_at: datetime | None = None
    resolution: Resolution | None = None
    compared: Comparison | None = None

    @property
    def state(self) -> IncidentState:
        return IncidentState.RESOLVED if self.resolution else IncidentState.OPEN


class IncidentState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """The newest first; "", () and None do not narrow. `before` is the number of the last known."""

    state: IncidentState | None = None
    kind: IncidentKind | None = None
    study_instance_uid: str = ""
    limit: int = 100
    before: int | None = None
    decisions: tuple[Decision, ...] = ()


def check_resolution(incident: Incident, resolution: Resolution) -> None:
    """Raises `InvalidResolution`. That it is the same image is left to a comparison."""
    contradicts = (Decision.KEPT, Decision.SAME)
    if resolution.decision in contradicts and incident.kind is not IncidentKind.CONFLICT:
        raise InvalidResolution(
            f"the archive holds nothing that incident {incident.incident_id} is in conflict with: "
            "say resent or dismissed"
        )
    for text, what, longest in (
        (resolution.who, "who decides", _LONGEST_WHO),
        (resolution.why, "why", _LONGEST_WHY),
    ):
        if not text.strip() or len(text) > longest:
            raise InvalidResolution(f"say {what}, in at most {longest} characters")
