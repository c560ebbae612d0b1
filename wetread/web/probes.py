"""The probes: does the process live, and can it do its work now?"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from inference.ports import Service
from wetread.bootstrap import VERSION, Stores
from wetread.web.handlers import add_handlers
from wetread.web.headers import AnswerHeaders

_NOT_NOW: dict[int | str, dict[str, Any]] = {503: {"description": "Not now; ask again."}}
_ENDED: dict[int | str, dict[str, Any]] = {503: {"description": "Start it anew."}}


def build_probes(
    stores: Stores, ready: threading.Event, services: Sequence[Service] = ()
) -> APIRouter:
    """`ready` is set while `services` run."""
    router = APIRouter(tags=["probes"])

    def ended() -> list[str]:
        return [each.name for each in services if not each.alive] if ready.is_set() else []

    @router.get("/healthz", responses=_ENDED)
    async def healthz() -> JSONResponse:
        """The process answers, and nothing in it has ended. It asks nobody else."""
        # Nor does it wait for a thread: all of them may wait for a database that says nothing.
        if names := ended():
            return JSONResponse({"status": "ended", "services": names}, 503)
        return JSONResponse({"status": "ok"})

    @router.get("/readyz", responses=_NOT_NOW)
    def readyz() -> JSONResponse:
        """Every service runs, the database answers, the archive has room and can be written."""
        if not ready.is_set():
            return JSONResponse({"status": "starting"}, 503)
        if names := ended():
            return JSONResponse({"status": "ended", "services": names}, 503)
        stores.database.ping()
        stores.archive.check_space()
        stores.archive.discard(stores.archive.spool())
        return JSONResponse({"status": "ready"})

    return router


def build_probe_app(
    stores: Stores,
    ready: threading.Event,
    services: Sequence[Service],
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """What a process without the role `web` answers by HTTP."""
    app = FastAPI(title="Wetread", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    for router in (build_probes(stores, ready, services), *routers):
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(AnswerHeaders)
    return app
