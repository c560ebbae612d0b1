"""The probes while the database says nothing."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from dicom_node.archive import DiskArchive
from wetread.web.probes import build_probe_app

_THREADS = 40  # on which a web server answers what may block


class SilentDatabase:
    """Takes every question, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.speaks = threading.Event()

    def ping(self) -> None:
        self.asked.release()
        assert self.speaks.wait(60)


def test_a_process_lives_however_many_wait_for_a_database_that_says_nothing(tmp_path: Path) -> None:
    database = SilentDatabase()
    stores: Any = SimpleNamespace(database=database, archive=DiskArchive(tmp_path, 0))
    ready = threading.Event()
    ready.set()
    app = build_probe_app(stores, ready, ())

    async def ask() -> tuple[int, set[int]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            waiting = [asyncio.create_task(client.get("/readyz")) for _ in range(2 * _THREADS)]
            try:
                for _ in range(_THREADS):
                    assert await asyncio.to_thread(database.asked.acquire, timeout=30)
                lives = await asyncio.wait_for(client.get("/healthz"), 30)
            finally:
                database.speaks.set()
            return lives.status_code, {each.status_code for each in await asyncio.gather(*waiting)}

    assert asyncio.run(ask()) == (200, {200})
