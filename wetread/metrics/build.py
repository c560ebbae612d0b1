"""Puts together what a process tells Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from inference.persistence.census import SqlCensusTaker
from wetread.bootstrap import (
    VERSION,
    Stores,
    SystemClock,
    build_destinations,
    build_registry,
)
from wetread.metrics.drift import Drift
from wetread.metrics.meter import PrometheusMeter
from wetread.metrics.state import StateCollector
from wetread.settings import Settings


@dataclass(frozen=True, slots=True)
class Metrics:
    registry: CollectorRegistry
    meter: PrometheusMeter


def build_metrics(settings: Settings, stores: Stores) -> Metrics:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("wetread_build", "What runs", registry=registry).info({"version": VERSION})
    if "receiver" in settings.roles:
        census = SqlCensusTaker(stores.database)
        names = [each.name for each in build_destinations(settings)]
        free_bytes = stores.archive.free_bytes
        registry.register(StateCollector(census, SystemClock(), free_bytes, names))
    drift, device = None, "cpu"
    if "worker" in settings.roles:
        from inference.models.device import choose_device

        device = choose_device(settings.device).partition(":")[0]
        drift = Drift(build_registry(settings).folder)
        registry.register(drift)
    return Metrics(registry, PrometheusMeter(registry, settings.tenant, device, drift))
