"""What a gate recognises by the pixels alone: headers lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inference.domain.refusal import Reason


class Kind(StrEnum):
    """What a picture shows, as a manifest names it."""

    FRONTAL_CHEST = "frontal chest radiograph"
    TURNED_CLOCKWISE = "chest radiograph turned clockwise"
    UPSIDE_DOWN = "chest radiograph upside down"
    TURNED_COUNTERCLOCKWISE = "chest radiograph turned counterclockwise"
    INVERTED_CHEST = "inverted chest radiograph"
    PART_OF_CHEST = "part of a chest radiograph"
    OTHER_RADIOGRAPH = "other radiograph"
    CT_SLICE = "ct slice"
    OTHER = "something else"
    BLANK = "blank image"


_WORDS = {
    Kind.FRONTAL_CHEST: "a frontal chest radiograph",
    Kind.TURNED_CLOCKWISE: "a chest radiograph turned clockwise by 90°",
    Kind.UPSIDE_DOWN: "a chest radiograph upside down",
    Kind.TURNED_COUNTERCLOCKWISE: "a chest radiograph turned counterclockwise by 90°",
    Kind.INVERTED_CHEST: "a chest radiograph with black and white exchanged",
    Kind.PART_OF_CHEST: "only a part of a chest radiograph",
    Kind.OTHER_RADIOGRAPH: "another radiograph than a frontal one of the chest",
    Kind.CT_SLICE: "a CT slice",
    Kind.OTHER: "neither a radiograph nor a CT slice",
    Kind.BLANK: "a blank image",
}

_REASONS = {
    Kind.TURNED_CLOCKWISE: Reason.ROTATED,
    Kind.UPSIDE_DOWN: Reason.ROTATED,
    Kind.TURNED_COUNTERCLOCKWISE: Reason.ROTATED,
    Kind.INVERTED_CHEST: Reason.INVERTED,
    Kind.PART_OF_CHEST: Reason.CROPPED,
    Kind.BLANK: Reason.BLANK,
}


@dataclass(frozen=True, slots=True)
class Recognition:
    """`certainty` of `kind` is within 0 to 1.

    `sure`: the certainty is high enough to act on, as the gate was measured. `familiar`:
    the picture is like those that the gate learned to let pass.
    """

    kind: Kind
    certainty: float
    sure: bool = True
    familiar: bool = True


def passes(recognition: Recognition, accepted: Sequence[Kind]) -> bool:
    return recognition.kind in accepted and recognition.sure and recognition.familiar


def objection(
    recognition: Recognition, accepted: Sequence[Kind], reader: str
) -> tuple[Reason, str] | None:
    """Return why `reader`, a model's name, must not read the picture; None if it may."""
    if passes(recognition, accepted):
        return None
    kind = recognition.kind
    share = f"({recognition.certainty:.0%})"
    reads = f"{reader} reads {' or '.join(each.value + 's' for each in accepted)}"
    if kind not in accepted:
        reason = _REASONS.get(kind, Reason.NOT_RECOGNISED)
        return reason, f"By its pixels this is {_WORDS[kind]} {share}; {reads}"
    if not recognition.sure:
        seen = f"By its pixels this may be {_WORDS[kind]}, but not surely enough {share}"
    else:
        seen = f"By its pixels this is unlike every {kind.value} that was learned from"
    return Reason.NOT_RECOGNISED, f"{seen}; {reads}"
