"""The HTTP side: probes, the account as JSON, and a page to look at."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from inference.domain.errors import WetreadError
from wetread.bootstrap import VERSION, Stores
from wetread.cli.status import describe
from wetread.web import models, operations, reading_list, study
from wetread.web.cors import DicomWebCors
from wetread.web.models import Cards
from wetread.web.pages import CONTENT_SECURITY_POLICY, static
from wetread.web.problems import problem, problem_for


def build_app(
    stores: Stores,
    ready: threading.Event,
    routers: Sequence[APIRouter] = (),
    cors_origins: Sequence[str] = (),
    cards: Cards = lambda model: None,
    knows_reviewer: bool = False,
) -> FastAPI:
    """`ready` is set while every service runs. `cors_origins` may read DICOMweb.

    `cards` finds what a model's page shows. `knows_reviewer`: a proxy says who reviews.
    """
    app = FastAPI(title="Wetread", version=VERSION, redoc_url=None)
    app.mount("/static", static)
    pages = (
        reading_list.build_router(stores),
        study.build_router(stores, knows_reviewer),
        models.build_router(cards),
        operations.build_router(stores),
    )
    for router in (*pages, *routers):
        app.include_router(router)
    if cors_origins:
        app.add_middleware(DicomWebCors, origins=cors_origins)

    @app.exception_handler(WetreadError)
    async def refuse(request: Request, error: WetreadError) -> JSONResponse:
        return problem(type(error).__name__, problem_for(error), str(error))

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> JSONResponse:
        title = HTTPStatus(error.status_code).phrase
        return JSONResponse(
            {"type": "about:blank", "title": title, "status": error.status_code},
            error.status_code,
            error.headers,
            media_type="application/problem+json",
        )

    @app.middleware("http")
    async def headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.headers.get("content-type", "").startswith("text/html") and (
            request.url.path != "/docs"
        ):
            response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            response.headers["Referrer-Policy"] = "same-origin"
        return response

    @app.get("/healthz", tags=["probes"])
    def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["probes"])
    def readyz() -> JSONResponse:
        """Every service runs, the database answers, and the archive has room."""
        if not ready.is_set():
            return JSONResponse({"status": "starting"}, 503)
        stores.index.account()
        stores.archive.check_space()
        return JSONResponse({"status": "ready"})

    @app.get("/api/v1/status", tags=["api"])
    def status(limit: int = 20) -> dict[str, Any]:
        """What `wetread status --json` prints."""
        return describe(stores, max(1, min(limit, 1000)))

    return app
