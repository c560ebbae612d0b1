"""A study's way as one trace of OpenTelemetry, by OTLP."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from inference.ports.meter import Stage
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import HOST
from tests.support.radiographs import PATIENT_ID, radiograph


class Collector(ThreadingHTTPServer):
    """Takes spans as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                collector.bodies += body
                for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in each.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__((HOST, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_all_stages_of_a_study_are_one_trace(
    make_node: Callable[..., Node], collector: Collector, tmp_path: Path
) -> None:
    node = make_node(otlp_endpoint=collector.url, log_format="json")
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    node.settle(1)
    node.stop()
    assert {each.name for each in collector.spans} == {each.value for each in Stage}
    study = str(source.StudyInstanceUID)
    expected = hashlib.sha256(study.encode()).digest()[:16]
    assert {each.trace_id for each in collector.spans} == {expected}
    told = {
        (span.name, each.key): each.value.string_value or each.value.int_value
        for span in collector.spans
        for each in span.attributes
    }
    assert told["receive", "study_instance_uid"] == study
    assert told["deliver", "study_instance_uid"] == study
    assert told["read", "job_id"] == told["deliver", "job_id"] == 1
    assert all(each.end_time_unix_nano >= each.start_time_unix_nano for each in collector.spans)
    assert PATIENT_ID.encode() not in collector.bodies
    assert f'"study_instance_uid": "{study}", "job_id": 1' in node.log_text
