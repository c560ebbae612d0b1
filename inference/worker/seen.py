"""A source Instance with the picture that was read from it."""

from __future__ import annotations

from dataclasses import dataclass

from inference.domain.instance import Instance
from inference.ports import Picture


@dataclass(frozen=True, slots=True)
class Seen:
    instance: Instance
    picture: Picture
