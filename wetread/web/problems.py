"""What goes wrong, as HTTP says it: problem documents (RFC 9457)."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from inference.domain.errors import InvalidReview, InvalidUid, ResourceError, WetreadError


class NotFound(WetreadError):
    """There is nothing of this name."""


class NotAuthenticated(WetreadError):
    """The proxy in front did not say who this is."""


class ForeignOrigin(WetreadError):
    """The request comes from a page of somebody else."""


class NotFailed(WetreadError):
    """Only what failed is replayed."""


class NotJson(WetreadError):
    """The body has to be JSON, and say so in Content-Type."""


_STATUSES: tuple[tuple[type[WetreadError], int], ...] = (
    (InvalidUid, 400),
    (NotAuthenticated, 401),
    (ForeignOrigin, 403),
    (NotFound, 404),
    (NotFailed, 409),
    (NotJson, 415),
    (InvalidReview, 422),
    (ResourceError, 503),
)


def problem_for(error: WetreadError) -> int:
    """Return the HTTP status of an error: the one place that translates."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(title: str, status: int, detail: str, **more: Any) -> JSONResponse:
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail} | more,
        status,
        media_type="application/problem+json",
    )
