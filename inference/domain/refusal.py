"""Why something was not assessed, or not decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Each has its coded concept in `structured_reports/concepts.py`."""

    NO_RULE = "no rule takes this study"
    IMAGES_REMOVED = "images removed by retention"
    WRONG_MODALITY = "wrong modality"
    WRONG_BODY_PART = "wrong body part"
    WRONG_VIEW = "wrong view"
    TOO_SMALL = "image too small"
    MULTI_FRAME = "multi-frame image"
    AGE_OUTSIDE = "patient age outside the model's population"
    AGE_UNKNOWN = "patient age unknown"
    BODY_PART_UNKNOWN = "body part unknown"
    VIEW_UNKNOWN = "view unknown"
    NOT_RECOGNISED = "not recognised by its pixels"
    ROTATED = "rotated image"
    INVERTED = "inverted image"
    CROPPED = "cropped image"
    BLANK = "blank image"
    BURNED_IN = "burned-in annotation"
    TOO_FEW_SLICES = "too few slices"
    SLICES_MISSING = "slices missing"
    NOT_IN_STACK = "not part of the stack"
    NO_PIXELS = "no pixel data"
    UNREADABLE_PIXELS = "unreadable pixel data"
    CODEC_MISSING = "codec missing"
    PROCESSING_FAILED = "processing failed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`detail` is the sentence a person reads: what was seen and what is needed."""

    reason: Reason
    detail: str
    sop_instance_uid: str = ""
