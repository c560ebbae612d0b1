"""A source Instance with the picture that was read from it, and what was seen there."""

from __future__ import annotations

from dataclasses import dataclass

from inference.domain.finding import Region
from inference.domain.instance import Instance
from inference.ports import Picture


@dataclass(frozen=True, slots=True)
class Seen:
    """`text` is where text is burned into the picture; None where none is, or none looked."""

    instance: Instance
    picture: Picture
    text: Region | None = None
