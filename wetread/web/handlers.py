"""Whatever goes wrong ends in a problem document, on every route."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inference.domain.errors import WetreadError
from wetread.web.error_pages import for_reader
from wetread.web.fhir_answers import as_outcome, is_fhir
from wetread.web.problems import http_problem, invalid, problem, problem_for

_log = logging.getLogger("wetread.web")


def add_handlers(app: FastAPI) -> None:
    """Below `/fhir` it is an OperationOutcome instead, and for who reads pages a page."""

    @app.exception_handler(WetreadError)
    async def refuse(request: Request, error: WetreadError) -> Response:
        said = problem(type(error).__name__, problem_for(error), str(error))
        return as_outcome(said) if is_fhir(request) else for_reader(request, said)

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            allowed = methods_at(request.app.routes, request.url.path)
            headers["Allow"] = ", ".join(sorted(allowed)) or headers.get("Allow", "")
        said = http_problem(error.status_code, error.detail, headers)
        return as_outcome(said) if is_fhir(request) else for_reader(request, said)

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> Response:
        return for_reader(request, invalid(error))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # The boundary to the network: the message may quote a header, so it stays in the log.
        said = http_problem(500)
        return as_outcome(said) if is_fhir(request) else for_reader(request, said)


def methods_at(routes: Iterable[Any], path: str) -> set[str]:
    """Return the methods of all routes at `path`: the first that has it knows but its own.

    A route of just this path goes before one that a part of it would fit.
    """
    own: set[str] = set()
    fitting: set[str] = set()
    for route in _flat(routes):
        if route.path == path:
            own |= route.methods
        elif route.path_regex.match(path):
            fitting |= route.methods
    return own or fitting


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _flat(inner.routes)
        elif getattr(route, "methods", None):
            yield route
