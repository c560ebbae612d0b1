"""A model whose seconds are counted, and what it sees."""

from __future__ import annotations

import time
from collections.abc import Sequence

from inference.domain.manifest import Manifest
from inference.ports import Assessment, Model, Picture
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
        started = time.monotonic()
        try:
            answers = self._model.assess(pictures, explain=explain)
        finally:
            seconds = time.monotonic() - started
            self._meter.assessed(self.manifest.model, len(pictures), seconds)
        self._meter.saw(self.manifest.model, statistics_of(pictures, answers))
        return answers
