"""Answers below `/fhir`: their media type, and errors in FHIR's own words."""

from __future__ import annotations

import json

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from wetread.fhir import operation_outcome
from wetread.web.api.route import JSON, ApiRoute

PREFIX = "/fhir"
FHIR_JSON = "application/fhir+json"
_FORM = "application/x-www-form-urlencoded"


class FhirResponse(JSONResponse):
    media_type = FHIR_JSON


class FhirRoute(ApiRoute):
    """Takes the form of a search (R4, Section 3.1.1.3); answers in JSON alone."""

    body_media = _FORM
    offers = (FHIR_JSON, JSON, "application/json+fhir")


def is_fhir(request: Request) -> bool:
    path = request.url.path
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def as_outcome(problem: Response) -> Response:
    """Return a problem document as an OperationOutcome."""
    said = json.loads(bytes(problem.body))
    kept = {
        name: value
        for name, value in problem.headers.items()
        if name not in ("content-length", "content-type")
    }
    return FhirResponse(operation_outcome(said["status"], said["detail"]), said["status"], kept)
