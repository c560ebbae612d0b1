"""Puts together what a process tells Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from inference.domain.errors import SettingsError
from inference.persistence.census import SqlCensusTaker
from wetread.bootstrap import (
    VERSION,
    Stores,
    build_destinations,
    build_registry,
)
from wetread.metrics.drift import Drift
from wetread.metrics.meter import PrometheusMeter
from wetread.metrics.state import StateCollector
from wetread.roles import process_name
from wetread.settings import Settings

if TYPE_CHECKING:  # an extra
    from wetread.metrics.traces import Traces


@dataclass(frozen=True, slots=True)
class Metrics:
    registry: CollectorRegistry
    meter: PrometheusMeter
    traces: Traces | None = None

    def close(self) -> None:
        """Send what was not sent yet."""
        if self.traces is not None:
            self.traces.close()


def build_metrics(settings: Settings, stores: Stores) -> Metrics:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("wetread_build", "What runs", registry=registry).info({"version": VERSION})
    if "receiver" in settings.roles:
        census = SqlCensusTaker(stores.database)
        names = [each.name for each in build_destinations(settings)]
        models = [each.model for each in settings.rules]
        free_bytes = stores.archive.free_bytes
        registry.register(StateCollector(census, stores.clock, free_bytes, names, models))
    drift = None
    if "worker" in settings.roles:
        drift = Drift(build_registry(settings).folder)
        registry.register(drift)
    traces = _traces(settings)
    meter = PrometheusMeter(registry, settings.tenant, partial(_device, settings), drift, traces)
    return Metrics(registry, meter, traces)


def _device(settings: Settings) -> str:
    from inference.models.device import choose_device  # by then, models have imported torch

    return choose_device(settings.device).partition(":")[0]


def _traces(settings: Settings) -> Traces | None:
    if not settings.otlp_endpoint:
        return None
    try:
        from wetread.metrics.traces import Traces
    except ImportError:
        raise SettingsError(
            'for otlp_endpoint OpenTelemetry is missing: pip install "wetread[traces]"'
        ) from None
    return Traces(settings.otlp_endpoint, VERSION, process_name())
