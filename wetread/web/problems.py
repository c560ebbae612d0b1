"""What goes wrong, as HTTP says it: problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from inference.domain.errors import (
    IncidentResolved,
    InvalidResolution,
    InvalidReview,
    InvalidUid,
    ResourceError,
    UnknownIncident,
    UnknownModel,
    WetreadError,
)

MEDIA = "application/problem+json"
_DEEPEST = 8  # steps of a path into the body


class NotFound(WetreadError):
    """There is nothing of this name."""


class Gone(NotFound):
    """It was here until retention removed it."""


class NotAuthenticated(WetreadError):
    """The proxy in front did not say who this is."""


class ForeignOrigin(WetreadError):
    """The request comes from a page of somebody else."""


class InvalidCursor(WetreadError):
    """A cursor is taken from `next` of the page before, as it is."""


class InvalidSearch(WetreadError):
    """A search parameter is not known, or has no such value."""


class NotAcceptable(WetreadError):
    """None of the media types in Accept can be made."""


class NotFailed(WetreadError):
    """Only what failed is replayed."""


class NotJson(WetreadError):
    """The body has to be JSON, and say so in Content-Type."""


class Encoded(WetreadError):
    """A Content-Encoding is not taken: a small message can inflate to any size."""


class TooLarge(WetreadError):
    """The body is larger than is taken."""


_STATUSES: tuple[tuple[type[WetreadError], int], ...] = (
    (InvalidUid, 400),
    (InvalidCursor, 400),
    (InvalidSearch, 400),
    (NotAuthenticated, 401),
    (ForeignOrigin, 403),
    (Gone, 410),
    (NotFound, 404),
    (UnknownModel, 404),
    (UnknownIncident, 404),
    (NotAcceptable, 406),
    (NotFailed, 409),
    (IncidentResolved, 409),
    (TooLarge, 413),
    (NotJson, 415),
    (Encoded, 415),
    (InvalidReview, 422),
    (InvalidResolution, 422),
    (ResourceError, 503),
)

_RETRY_AFTER = {"Retry-After": "30"}  # seconds


def problem_for(error: WetreadError) -> int:
    """Return the HTTP status of an error: the one place that translates."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(
    title: str,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return a problem document; one that may pass by itself says when to ask again."""
    if status == 503:
        headers = {**_RETRY_AFTER, **(headers or {})}
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail} | more,
        status,
        headers,
        media_type=MEDIA,
    )


def http_problem(
    status: int, detail: object = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the problem document of an HTTP status."""
    title = HTTPStatus(status).phrase
    said = detail if isinstance(detail, str) and detail != title else HTTPStatus(status).description
    return problem(title, status, said or title, headers)


def invalid(error: RequestValidationError) -> JSONResponse:
    """Return what is wrong with a request, part by part; nothing that was sent is repeated."""
    faults = [
        {"field": ".".join(map(str, each["loc"][:_DEEPEST]))[:200], "detail": each["msg"]}
        for each in error.errors()[:100]
    ]
    detail = "; ".join(f"{each['field']}: {each['detail']}" for each in faults[:10])
    return problem("InvalidRequest", 422, detail, errors=faults)
