"""Whatever goes wrong ends in a problem document, on every route."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inference.domain.errors import WetreadError
from wetread.web.fhir_answers import as_outcome, is_fhir
from wetread.web.problems import http_problem, invalid, problem, problem_for

_log = logging.getLogger("wetread.web")


def add_handlers(app: FastAPI) -> None:
    """Below `/fhir` it is an OperationOutcome instead."""

    @app.exception_handler(WetreadError)
    async def refuse(request: Request, error: WetreadError) -> Response:
        said = problem(type(error).__name__, problem_for(error), str(error))
        return as_outcome(said) if is_fhir(request) else said

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        said = http_problem(error.status_code, error.detail, error.headers)
        return as_outcome(said) if is_fhir(request) else said

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> Response:
        return invalid(error)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # The boundary to the network: the message may quote a header, so it stays in the log.
        said = http_problem(500)
        return as_outcome(said) if is_fhir(request) else said
