"""What each stage of a Study's way took, as spans of OpenTelemetry: one trace for each Study."""

from __future__ import annotations

import hashlib
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

from inference.domain.about import current
from inference.ports.meter import Stage

_NANOSECONDS = 1_000_000_000  # in a second


class _ByStudy(IdGenerator):
    """Every process gives the spans of one Study the same trace, without asking the others."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        return self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        study = current().get("study_instance_uid")
        if study is None:
            return self._random.generate_trace_id()
        return int.from_bytes(hashlib.sha256(str(study).encode()).digest()[:16], "big")


class Traces:
    """Sends spans to `endpoint` by OTLP over HTTP, in the background; lost ones are not missed."""

    def __init__(self, endpoint: str, version: str, instance: str) -> None:
        resource = Resource(
            {
                "service.name": "wetread",
                "service.version": version,
                "service.instance.id": instance,
            }
        )
        self._provider = TracerProvider(
            resource=resource, id_generator=_ByStudy(), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("wetread", version)

    def took(self, stage: Stage, seconds: float) -> None:
        """Tell of a stage that ended now, of the Study and the Job that the work is about."""
        ended = time.time_ns()
        span = self._tracer.start_span(
            stage.value,
            start_time=ended - round(seconds * _NANOSECONDS),
            attributes=dict(current()),
        )
        span.end(ended)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
