"""How far what models see has moved from what they learned from."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inference.domain.drift import Spread, shift, spreads_from
from inference.domain.errors import WetreadError
from inference.domain.job import ModelId

REFERENCE = "reference.json"  # beside a model's weights
_WINDOW = 500  # pictures
_LEAST = 100  # pictures; with fewer, chance alone would look like a shift

_log = logging.getLogger(__name__)


class Drift(Collector):
    """The last 500 pictures of each model, against the reference in its folder.

    `folder` returns where a model's files lie. What has no reference is not watched.
    """

    def __init__(self, folder: Callable[[ModelId], Path]) -> None:
        self._folder = folder
        self._lock = Lock()
        self._references: dict[ModelId, Mapping[str, Spread]] = {}
        self._seen: dict[tuple[ModelId, str], deque[float]] = {}

    def saw(self, model: ModelId, statistics: Mapping[str, Sequence[float]]) -> None:
        with self._lock:
            if model not in self._references:
                self._references[model] = self._read(model)
            for name in self._references[model].keys() & statistics.keys():
                window = self._seen.setdefault((model, name), deque(maxlen=_WINDOW))
                window.extend(statistics[name])

    def collect(self) -> Iterator[Metric]:
        drift = GaugeMetricFamily(
            "wetread_input_drift",
            "Population stability index of the last pictures against the reference",
            labels=("model", "version", "statistic"),
        )
        with self._lock:
            windows = {key: list(seen) for key, seen in self._seen.items() if len(seen) >= _LEAST}
            references = dict(self._references)
        for (model, name), values in windows.items():
            index = shift(references[model][name], values)
            drift.add_metric((model.name, model.version, name), index)
        yield drift

    def _read(self, model: ModelId) -> Mapping[str, Spread]:
        try:
            file = self._folder(model) / REFERENCE
            return spreads_from(json.loads(file.read_bytes())) if file.is_file() else {}
        except (OSError, ValueError, WetreadError) as error:
            _log.warning("%s: its %s cannot be read: %s", model, REFERENCE, error)
            return {}
