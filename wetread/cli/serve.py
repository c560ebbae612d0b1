"""`wetread serve`: the node itself."""

from __future__ import annotations

import logging
import signal
import threading

import uvicorn

from wetread import logs, settings
from wetread.bootstrap import (
    build_cards,
    build_destinations,
    build_dicomweb,
    build_node,
    build_review_desk,
    build_shelf,
    build_uploads,
    exclusive,
    open_stores,
)

_log = logging.getLogger("wetread.serve")


def serve() -> None:
    """Receive, read and deliver until stopped (SIGTERM or Ctrl-C)."""
    from wetread.web.api import Reviewing
    from wetread.web.app import build_app
    from wetread.web.viewer_config import ROOT
    from wetread.web.viewer_files import ViewerFiles

    configuration = settings.load()
    logs.configure(configuration.log_format)
    with exclusive(configuration):
        stores = open_stores(configuration)
        node = build_node(configuration, stores)
        ready = threading.Event()
        desk = build_review_desk(configuration, stores)
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(
                    stores,
                    ready,
                    [build_dicomweb(configuration, stores, node.intake)],
                    configuration.cors_origins,
                    cards=build_cards(configuration),
                    knows_reviewer=bool(configuration.reviewer_header),
                    viewer_files=ViewerFiles(configuration.viewer_folder, ROOT),
                    uploads=build_uploads(configuration, stores, node.intake),
                    reviewing=Reviewing(desk, configuration.reviewer_header),
                    shelf=build_shelf(configuration, stores),
                    destinations=[each.name for each in build_destinations(configuration)],
                ),
                host=configuration.http_host,
                port=configuration.http_port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
            )
        )
        started = []
        try:
            for service in node.services:
                service.start()
                started.append(service)
            ready.set()
            _log.info(
                "DICOM %s at port %d, HTTP at http://%s:%d, state in %s",
                configuration.ae_title,
                configuration.dimse_port,
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
            stores.close()
            _log.info("stopped")
