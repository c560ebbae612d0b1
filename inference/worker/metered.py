"""Models and gates whose seconds are counted, and what a model sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inference.domain.computing import stopwatch
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.domain.recognition import Recognition
from inference.ports import Assessment, Gate, Model, Picture
from inference.ports.meter import Meter
from inference.worker.statistics import statistics_of


class MeteredModel:
    """`Model` that tells a `Meter` of each question and its answers."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    @property
    def manifest(self) -> Manifest:
        return self._model.manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        manifest = self.manifest
        with _counted(self._meter, manifest.model, len(pictures)):
            answers = self._model.assess(pictures, explain=explain)
        found = statistics_of(manifest, pictures, answers, explain=explain)
        self._meter.saw(manifest.model, found)
        return answers


class MeteredGate:
    """`Gate` that tells a `Meter` of each question.

    Not what it saw: a gate is there for what is unlike what was learned from.
    """

    def __init__(self, gate: Gate, meter: Meter) -> None:
        self._gate = gate
        self._meter = meter

    @property
    def model(self) -> ModelId:
        return self._gate.model

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        with _counted(self._meter, self.model, len(pictures)):
            return self._gate.look(pictures)


@contextmanager
def _counted(meter: Meter, model: ModelId, pictures: int) -> Iterator[None]:
    """Count what is computed in the block, also in one that fails: no preparing, no waiting."""
    with stopwatch() as watch:
        try:
            yield
        finally:
            meter.assessed(model, pictures, watch.seconds)
