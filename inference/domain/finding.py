"""Findings: what a model says of an image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inference.domain.code import Code
from inference.domain.refusal import Refusal


class Presence(StrEnum):
    """The Qualitative Evaluation of a Finding."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Region:
    """A closed polygon; the first point is not repeated at the end.

    `points` are (column, row), zero-based, at pixel centres of the source frame.
    `whole_image` says that it is only the outline of what was assessed.
    """

    points: tuple[tuple[float, float], ...]
    whole_image: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One Finding in one frame of one Instance.

    `certainty` and `threshold` are within 0 to 1. `doubts` is why the presence is
    undetermined: empty otherwise.
    """

    finding: Code
    site: Code
    presence: Presence
    certainty: float
    threshold: float
    sop_instance_uid: str
    region: Region
    frame: int = 1  # one-based, as in PS3.3 C.18.4
    doubts: tuple[Refusal, ...] = ()
