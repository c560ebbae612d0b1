"""`Meter` with the client of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

from inference.domain.instance import Origin, Receipt
from inference.domain.job import ModelId
from inference.domain.refusal import Reason
from inference.domain.review import Verdict
from inference.ports.meter import DeliveryOutcome, Stage
from wetread.metrics.drift import Drift

if TYPE_CHECKING:  # an extra
    from wetread.metrics.traces import Traces

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_PICTURES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
# Anybody may call by any AE title, and each label is memory here and in Prometheus.
_MOST_CALLERS = 200
_OTHERS = "others"


class PrometheusMeter:
    """`tenant` says whom the seconds of models belong to, and `device` where they are spent.

    `device` is asked once a model has computed.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        tenant: str,
        device: Callable[[], str],
        drift: Drift | None = None,
        traces: Traces | None = None,
    ) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"wetread_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], label: str) -> Histogram:
            return Histogram(f"wetread_{name}", text, [label], registry=registry, buckets=buckets)

        self._tenant = tenant
        self._drift = drift
        self._traces = traces
        self._device = cache(device)
        self._callers: set[str] = set()
        self._lock = Lock()
        origin = ("calling_ae", "via")
        self._instances = counter("instances_received", "Instances that were taken", *origin)
        self._bytes = counter("received_bytes", "Bytes of Instances that were taken", *origin)
        self._stages = histogram("stage_seconds", "What each stage took", _SECONDS, "stage")
        self._batches = histogram("batch_size", "Pictures read at once", _PICTURES, "model")
        self._seconds = counter(
            "model_seconds",
            "Seconds that models have computed",
            *("model", "version", "tenant", "device"),
        )
        self._refusals = counter("refusals", "Why there was no finding", "model", "reason")
        self._deliveries = counter(
            "deliveries", "Attempts to deliver a result", "destination", "outcome"
        )
        self._reviews = counter(
            "reviews", "What people said of results", "model", "version", "verdict"
        )

    def received(self, origin: Origin, receipt: Receipt, size: int) -> None:
        if receipt is not Receipt.STORED:
            return
        labels = (self._caller(origin.calling_ae), origin.source.value)
        self._instances.labels(*labels).inc()
        self._bytes.labels(*labels).inc(size)

    def took(self, stage: Stage, seconds: float) -> None:
        self._stages.labels(stage.value).observe(seconds)
        if self._traces is not None:
            self._traces.took(stage, seconds)

    def assessed(self, model: ModelId, pictures: int, seconds: float) -> None:
        self._batches.labels(model.name).observe(pictures)
        self._seconds.labels(model.name, model.version, self._tenant, self._device()).inc(seconds)

    def saw(self, model: ModelId, statistics: Mapping[str, Sequence[float]]) -> None:
        if self._drift is not None:
            self._drift.saw(model, statistics)

    def refused(self, model: ModelId | None, reason: Reason) -> None:
        self._refusals.labels(model.name if model else "", reason.value).inc()

    def delivered(self, destination: str, outcome: DeliveryOutcome) -> None:
        self._deliveries.labels(destination, outcome.value).inc()

    def reviewed(self, model: ModelId | None, verdict: Verdict) -> None:
        name, version = (model.name, model.version) if model else ("", "")
        self._reviews.labels(name, version, verdict.value).inc()

    def _caller(self, ae_title: str) -> str:
        with self._lock:
            if len(self._callers) < _MOST_CALLERS:
                self._callers.add(ae_title)
            return ae_title if ae_title in self._callers else _OTHERS
