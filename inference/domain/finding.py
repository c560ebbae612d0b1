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


class Quantity(StrEnum):
    """What is measured, with its unit."""

    VOLUME = "volume, mL"
    AREA = "area, mm2"


@dataclass(frozen=True, slots=True)
class Measurement:
    quantity: Quantity
    value: float


@dataclass(frozen=True, slots=True)
class Slice:
    """A frame that carries a part of the answer on its Series. `certainty` is of it alone."""

    sop_instance_uid: str
    certainty: float
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One Finding in one frame of one Instance, or in a Series.

    `certainty` and `threshold` are within 0 to 1. `doubts` is why the presence is
    undetermined: empty otherwise. `output` is the name of the model's output.

    A Finding in a Series names it, and `slices` are those that carry the answer most, the
    first of them is the one that `sop_instance_uid`, `frame` and `region` are of.
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
    output: str = ""
    measurements: tuple[Measurement, ...] = ()
    series_instance_uid: str = ""
    slices: tuple[Slice, ...] = ()
