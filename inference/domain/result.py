"""A result: what one Job ended in, and the DICOM objects that say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.finding import Finding
from inference.domain.job import ModelId
from inference.domain.refusal import Refusal


class Outcome(StrEnum):
    ASSESSED = "assessed"
    NOT_ASSESSED = "not assessed"


class Role(StrEnum):
    """What a result's object is for; part of the name from which its UID is derived."""

    REPORT = "report"
    OVERLAY = "overlay"
    SEGMENTATION = "segmentation"
    PARAMETRIC_MAP = "parametric map"
    KEY_OBJECTS = "key objects"
    REVIEW = "review"  # what a person says of the result; of a Review, never of the Result

    @property
    def is_courtesy(self) -> bool:
        """Does it only show what report and segmentation say (IHE AIR 6.5)?"""
        return self not in (Role.REPORT, Role.SEGMENTATION, Role.REVIEW)


@dataclass(frozen=True, slots=True)
class ResultObject:
    """One DICOM object of a result, held in the Archive under `key`."""

    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    key: str


@dataclass(frozen=True, slots=True)
class Result:
    """`model` is None where no rule took the Study. `outcome` is ASSESSED as soon as one
    image was; `refusals` then tells of the others.
    """

    study_instance_uid: str
    revision: int
    model: ModelId | None
    outcome: Outcome
    findings: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    produced_at: datetime
    seconds: float  # from claim to encoded objects
    failed: bool = False  # not assessed because every attempt broke
    objects: tuple[ResultObject, ...] = ()
