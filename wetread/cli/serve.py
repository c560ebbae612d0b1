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
from fastapi import FastAPI

from wetread import logs, settings
from wetread.bootstrap import (
    Stores,
    build_cards,
    build_destinations,
    build_dicomweb,
    build_gates,
    build_review_desk,
    build_shelf,
    build_uploads,
    build_viewer_orthancs,
    exclusive,
    open_stores,
)
from wetread.metrics.build import Metrics, build_metrics
from wetread.roles import Node, build_node
from wetread.settings import Settings
from wetread.web.metrics import build_router

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
        uvicorn.Config(
            _build_web(configuration, stores, node, metrics, ready, closing),
            host=configuration.http_host,
            port=configuration.http_port,
            log_config=None,
            access_log=False,
            ws_max_size=1 << 16,  # bytes; subscribers have nothing to say
            timeout_graceful_shutdown=5,
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


def _build_web(
    configuration: Settings,
    stores: Stores,
    node: Node,
    metrics: Metrics,
    ready: threading.Event,
    closing: threading.Event,
) -> FastAPI:
    scraped = build_router(metrics.registry)
    if "web" not in configuration.roles:
        from wetread.web.probes import build_probe_app

        return build_probe_app(stores, ready, node.services, [scraped])
    from wetread.web.api import Reviewing
    from wetread.web.app import build_app
    from wetread.web.viewer_config import ROOT
    from wetread.web.viewer_files import ViewerFiles

    desk = build_review_desk(configuration, stores, metrics.meter)
    return build_app(
        stores,
        ready,
        [build_dicomweb(configuration, stores, node.intake, node.worklist), scraped],
        configuration.cors_origins,
        cards=build_cards(configuration),
        knows_reviewer=bool(configuration.reviewer_header),
        viewer_files=ViewerFiles(configuration.viewer_folder, ROOT),
        viewer_orthancs=build_viewer_orthancs(configuration),
        uploads=build_uploads(configuration, stores, node.intake),
        gates=build_gates(configuration),
        reviewing=Reviewing(desk, configuration.reviewer_header),
        shelf=build_shelf(configuration, stores),
        destinations=[each.name for each in build_destinations(configuration)],
        services=node.services,
        closing=closing,
    )
