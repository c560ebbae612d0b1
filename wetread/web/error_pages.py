"""What goes wrong, as a page: for a person whose browser asked for one."""

from __future__ import annotations

import json
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from wetread.web.pages import templates

_PROGRAMS = ("/api/", "/dicom-web", "/fhir", "/static/", "/viewer/", "/openapi.json")


def for_reader(request: Request, said: JSONResponse) -> Response:
    """Return `said`, a problem document, as a page where that was asked for."""
    if request.url.path.startswith(_PROGRAMS) or "text/html" not in request.headers.get(
        "accept", ""
    ):
        return said
    told = json.loads(bytes(said.body))
    context = {
        "status": said.status_code,
        "title": HTTPStatus(said.status_code).phrase,
        "detail": told.get("detail", ""),
    }
    return templates.TemplateResponse(request, "error.html", context, status_code=said.status_code)
