"""Pages over real stores, without a network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from inference.domain.result import Result
from tests.contracts.repositories import LEASE, QUIET, at, make_instance, make_request
from wetread.bootstrap import Stores, open_stores
from wetread.settings import Settings
from wetread.uploads import Uploads
from wetread.web.app import build_app


class Pages:
    """Asks the application in this process."""

    def __init__(
        self, home: Path, uploads: Callable[[Stores], Uploads] | None = None, **parts: Any
    ) -> None:
        self.stores: Stores = open_stores(Settings(home=home))
        if uploads is not None:
            parts["uploads"] = uploads(self.stores)
        self.app = build_app(self.stores, threading.Event(), **parts)

    def get(self, url: str, **what: Any) -> httpx.Response:
        return self._ask("GET", url, **what)

    def post(self, url: str, **what: Any) -> httpx.Response:
        return self._ask("POST", url, **what)

    def add(self, study: str, result: Result | None = None, **attributes: Any) -> int:
        """Receive a Study, and end a Job with `result`, if any; return the Job's number."""
        instance = make_instance(f"{study}.1.1", study=study, **attributes)
        self.stores.index.add(instance, at(0), QUIET)
        if result is None:
            return 0
        request = make_request(study_instance_uid=study, model=result.model)
        self.stores.queue.enqueue([request], at(0))
        lease = self.stores.queue.claim("w", at(0), LEASE)
        assert lease is not None
        given = replace(result, study_instance_uid=study, objects=())
        self.stores.results.record(lease, given, ["pacs"])
        return lease.job.job_id

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **what: Any
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
                return await http.request(method, url, headers=headers, **what)

        return asyncio.run(ask())
