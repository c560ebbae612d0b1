"""`wetread serve`: the node itself, or the part of it that its roles are."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from inference.domain.errors import SettingsError
from inference.ports import Service
from inference.worker.later import Later
from wetread import logs, settings
from wetread.bootstrap import Stores, open_stores
from wetread.cli import leave
from wetread.metrics.build import Metrics, build_metrics
from wetread.roles import Node, build_node
from wetread.settings import Settings
from wetread.state import check_not_moved, exclusive

if TYPE_CHECKING:
    from wetread.web.server import Server

_log = logging.getLogger("wetread.serve")


def serve(
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="receiver, web or worker; repeat it. All three by default."),
    ] = None,
) -> None:
    """Receive, read and deliver until stopped (SIGTERM or Ctrl-C)."""
    configuration = settings.load(roles=tuple(role) if role else None)
    logs.configure(configuration.log_format)
    check_not_moved(configuration)
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
    ready = threading.Event()
    started: list[Service] = []

    def start(*, later: bool) -> None:
        for each in node.services:
            if isinstance(each, Later) is later:
                each.start()
                started.append(each)

    # From here on somebody may be sending, also where no server listens to signals yet.
    signal.signal(signal.SIGTERM, leave)
    try:
        # Modalities wait for neither pages nor models, and pages not for models.
        start(later=False)
        server = _build_server(configuration, stores, node, metrics, ready)
        start(later=True)
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
        try:
            server.run()
        except SystemExit:
            if server.started:
                raise
            raise SettingsError(  # why, Uvicorn has said in the line above
                f"nobody can listen for HTTP at port {configuration.http_port} of "
                f"{configuration.http_host}: set http_port or http_host"
            ) from None
    finally:
        ready.clear()
        _log.info("stopping")
        for service in node.services:
            if service in started:
                service.stop()


def _build_server(
    configuration: Settings, stores: Stores, node: Node, metrics: Metrics, ready: threading.Event
) -> Server:
    # Slow to import.
    from wetread.web import outlet
    from wetread.web.build import build_web
    from wetread.web.server import Server

    closing = threading.Event()
    web = build_web(configuration, stores, node, metrics, ready, closing)
    served = outlet.configuration(web, configuration.http_host, configuration.http_port)
    return Server(closing, served)
