"""The pages and the API over real stores, on a port of their own; nothing receives or reads."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

import uvicorn

from tests.support.programs import HOST
from wetread.bootstrap import open_stores
from wetread.settings import Settings
from wetread.web.app import build_app


class Site:
    """A real HTTP server in a thread. What is put into `stores` is there."""

    def __init__(self, home: Path) -> None:
        self.stores = open_stores(Settings(home=home))
        self._closing = threading.Event()
        app = build_app(self.stores, threading.Event(), closing=self._closing)
        self._server = uvicorn.Server(
            uvicorn.Config(app, host=HOST, port=0, log_config=None, timeout_graceful_shutdown=5)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server ended at once"
            time.sleep(0.005)
        self.url = f"http://{HOST}:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.should_exit = True
        self._thread.join()
        self.stores.close()
