"""What a model saw while it was validated, to hold against what it sees in use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from threading import Lock

from inference.domain.drift import document_of, spread_of
from inference.domain.manifest import Manifest
from inference.ports import Assessment, Model, Picture
from inference.worker.statistics import statistics_of


class Recorder:
    """`Model` that remembers the statistics of all that it is shown."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._values: dict[str, list[float]] = defaultdict(list)
        self._lock = Lock()

    @property
    def manifest(self) -> Manifest:
        return self._model.manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        answers = self._model.assess(pictures, explain=explain)
        found = statistics_of(self.manifest, pictures, answers, explain=explain)
        with self._lock:
            for name, values in found.items():
                self._values[name].extend(values)
        return answers

    @property
    def pictures(self) -> int:
        return max(map(len, self._values.values()), default=0)

    def document(self) -> dict[str, object]:
        """Return what `reference.json` holds. Raises `ValueError` where nothing was seen."""
        spreads = {name: spread_of(values) for name, values in self._values.items()}
        if not spreads:
            raise ValueError("the model was shown nothing")
        return document_of(spreads, self.pictures)
