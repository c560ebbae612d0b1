"""`wetread serve`: the node itself, or the part of it that its roles are."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from wetread import logs, settings
from wetread.bootstrap import Stores, exclusive, open_stores
from wetread.metrics.build import Metrics, build_metrics
from wetread.roles import Node, build_node
from wetread.settings import Settings
from wetread.web import outlet
from wetread.web.build import build_web

_log = logging.getLogger("wetread.serve")


class _Server(uvicorn.Server):
    """Says that it stops before it waits for its connections, so that streams end by themselves."""

    def __init__(self, closing: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._closing.set()
        super().handle_exit(sig, frame)


def serve(
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="receiver, web or worker; repeat it. All three by default."),
    ] = None,
) -> None:
    """Receive, read and deliver until stopped (SIGTERM or Ctrl-C)."""
    configuration = settings.load(roles=tuple(role) if role else None)
    logs.configure(configuration.log_format)
    with exclusive(configuration):
        stores = open_stores(configuration)
        try:
            with contextlib.closing(build_metrics(configuration, stores)) as metrics:
                node = build_node(configuration, stores, metrics.meter)
                _run(configuration, stores, node, metrics)
        finally:
            stores.close()
            _log.info("stopped")


def _run(configuration: Settings, stores: Stores, node: Node, metrics: Metrics) -> None:
    ready, closing = threading.Event(), threading.Event()
    server = _Server(
        closing,
        outlet.configuration(
            build_web(configuration, stores, node, metrics, ready, closing),
            configuration.http_host,
            configuration.http_port,
        ),
    )
    started = []
    try:
        for service in node.services:
            service.start()
            started.append(service)
        ready.set()
        if "receiver" in configuration.roles:
            _log.info("DICOM %s at port %d", configuration.ae_title, configuration.dimse_port)
        _log.info(
            "%s: HTTP at http://%s:%d, state in %s",
            ", ".join(configuration.roles),
            configuration.http_host,
            configuration.http_port,
            configuration.state,
        )
        # Uvicorn takes SIGTERM and SIGINT while it runs, then raises them again: by then
        # they must no longer end the process, or the services would not be stopped.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        server.run()
    finally:
        ready.clear()
        _log.info("stopping")
        for service in started:
            service.stop()
