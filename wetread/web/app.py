"""The HTTP side: probes, the account as JSON, and a page to look at."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from inference.domain.errors import WetreadError
from inference.domain.result import ResultObject, Role
from inference.domain.uid import check_uid
from structured_reports.text import report_as_text
from wetread.bootstrap import VERSION, Stores
from wetread.cli.status import describe
from wetread.pictures import overlay_as_png
from wetread.web import reading_list
from wetread.web.cors import DicomWebCors
from wetread.web.pages import CONTENT_SECURITY_POLICY, static, templates
from wetread.web.problems import NotFound, problem, problem_for


def build_app(
    stores: Stores,
    ready: threading.Event,
    routers: Sequence[APIRouter] = (),
    cors_origins: Sequence[str] = (),
) -> FastAPI:
    """`ready` is set while every service runs. `cors_origins` may read DICOMweb."""
    app = FastAPI(title="Wetread", version=VERSION, redoc_url=None)
    app.mount("/static", static)
    for router in (reading_list.build_router(stores), *routers):
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

    @app.get("/studies/{uid}", response_class=HTMLResponse, include_in_schema=False)
    def study(request: Request, uid: str) -> HTMLResponse:
        found = stores.index.study(check_uid(uid))
        if found is None:
            raise NotFound(f"no Study {uid} is held")
        results = [
            (
                job,
                result,
                [each for each in result.objects if each.role is Role.OVERLAY],
                [_text(stores, each) for each in result.objects if each.role is Role.REPORT],
                stores.outbox.deliveries(job_id=job.job_id),
            )
            for job, result in stores.results.of_study(uid)
        ]
        return templates.TemplateResponse(
            request,
            "study.html",
            {
                "study": found,
                "results": results,
                "shadows": stores.results.of_study(uid, shadow=True),
            },
        )

    @app.get("/studies/{uid}/overlays/{sop_instance_uid}.png", include_in_schema=False)
    def overlay(uid: str, sop_instance_uid: str) -> Response:
        check_uid(uid)
        check_uid(sop_instance_uid)
        for _, result in stores.results.of_study(uid):
            for each in result.objects:
                if each.sop_instance_uid == sop_instance_uid and each.role is Role.OVERLAY:
                    png = overlay_as_png(stores.archive.path(each.key).read_bytes())
                    return Response(png, media_type="image/png")
        raise NotFound(f"no overlay {sop_instance_uid} is held")

    return app


def _text(stores: Stores, report: ResultObject) -> str:
    return report_as_text(stores.archive.path(report.key).read_bytes())
