"""The web part of a node, with a real database and a real archive, in a process of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import psutil

from tests.support.programs import HOST, Program, free_port


class WebNode(Program):
    """What `wetread serve` serves over HTTP, without receiver and worker. `home` is its state."""

    def __init__(self, home: Path) -> None:
        super().__init__(home.with_suffix(".log"))
        self.home = home
        self.port = 0

    @property
    def dicomweb_url(self) -> str:
        return f"http://{HOST}:{self.port}/dicom-web"

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def choose_ports(self) -> None:
        self.port = free_port()

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "benchmarks.support.node", str(self.home), str(self.port)]

    def answers(self) -> bool:
        try:
            url = f"http://{HOST}:{self.port}/readyz"
            return httpx.get(url, trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def serve(home: Path, port: int) -> None:
    import uvicorn

    from inference.intake.door import Door
    from wetread import settings
    from wetread.bootstrap import SystemClock, open_stores
    from wetread.web import outlet
    from wetread.web.app import build_app
    from wetread.web.build import build_dicomweb

    configuration = settings.load(home=home, low_watermark_mb=1)
    stores = open_stores(configuration)
    door = Door(stores.archive, stores.index, SystemClock(), timedelta(hours=1))
    ready = threading.Event()
    ready.set()
    app = build_app(stores, ready, [build_dicomweb(configuration, stores, door)])
    uvicorn.Server(outlet.configuration(app, HOST, port)).run()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
