"""A model whose seconds are counted."""

from __future__ import annotations

import time
from collections.abc import Sequence

from inference.domain.manifest import Manifest
from inference.ports import Assessment, Model, Picture
from inference.ports.meter import Meter


class MeteredModel:
    """`Model` that tells a `Meter` what each question took."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    @property
    def manifest(self) -> Manifest:
        return self._model.manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        started = time.monotonic()
        try:
            return self._model.assess(pictures, explain=explain)
        finally:
            seconds = time.monotonic() - started
            self._meter.assessed(self.manifest.model, len(pictures), seconds)
