"""A gate that says what it is told to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inference.domain.computing import computing
from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.domain.recognition import Kind, Recognition
from inference.ports import Gate, Picture


class FakeGate:
    """`answer` for every picture, but a picture of one grey value is blank.

    `looked` counts the pictures of each call.
    """

    def __init__(self, answer: Recognition | None = None, name: str = "spotless") -> None:
        self.model = ModelId(name, "1.0.0")
        self.answer = answer or Recognition(Kind.FRONTAL_CHEST, 0.99)
        self.looked: list[int] = []

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        self.looked.append(len(pictures))
        with computing():
            return [
                self.answer
                if picture.pixels.size and picture.pixels.min() < picture.pixels.max()
                else Recognition(Kind.BLANK, 1.0)
                for picture in pictures
            ]


class FakeGates:
    def __init__(self, gates: Mapping[str, Gate]) -> None:
        self._gates = dict(gates)

    def gate(self, name: str) -> Gate:
        try:
            return self._gates[name]
        except KeyError:
            raise UnknownModel(f"no gate of the name {name!r} is registered") from None
