"""What goes wrong, as problem details (RFC 9457): the one table from an error to a status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from inference.domain.errors import (
    InvalidQuery,
    InvalidUid,
    ResourceError,
    UnreadablePixels,
    WetreadError,
)

LOG = logging.getLogger("dicom_node.dicomweb")

_RETRY_AFTER = 30  # seconds


class WebError(WetreadError):
    """A request that cannot be answered as it was put (PS3.18 Section 8.5)."""

    status = 400
    title = "Bad Request"

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class NotFound(WebError):
    """There is nothing of this name."""

    status, title = 404, "Not Found"


class Gone(WebError):
    """It was here, and was removed on purpose."""

    status, title = 410, "Gone"


class NotAcceptable(WebError):
    """No acceptable media type or transfer syntax can be made."""

    status, title = 406, "Not Acceptable"


class Forbidden(WebError):
    """Whoever asks may not."""

    status, title = 403, "Forbidden"


class Conflict(WebError):
    """The request does not fit what is there."""

    status, title = 409, "Conflict"


class TooLarge(WebError):
    """The request is larger than is taken."""

    status, title = 413, "Payload Too Large"


class UnsupportedMedia(WebError):
    """The request's media type or encoding is not taken."""

    status, title = 415, "Unsupported Media Type"


class RangeNotSatisfiable(WebError):
    """No byte of the range is there."""

    status, title = 416, "Range Not Satisfiable"


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def problem_for(error: WetreadError) -> Response:
    if isinstance(error, WebError):
        return problem(error.status, error.title, str(error), error.headers)
    if isinstance(error, ResourceError):
        return problem(503, "Service Unavailable", str(error), {"Retry-After": str(_RETRY_AFTER)})
    if isinstance(error, UnreadablePixels):
        return problem(406, "Not Acceptable", str(error))
    if isinstance(error, InvalidUid | InvalidQuery):
        return problem(400, "Bad Request", str(error))
    return problem(500, "Internal Server Error", str(error))


class ProblemRoute(APIRoute):
    """A route whose every error is a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except WetreadError as error:
                return problem_for(error)
            except HTTPException:
                raise
            except FileNotFoundError:
                # Retention takes the entry first: who read it before finds no file now.
                return problem(404, "Not Found", "its file is not held any more")
            except Exception as error:
                # The boundary to the network: the message may quote a header, so it stays here.
                LOG.exception("%s of a DICOMweb resource broke", request.method)
                return problem(500, "Internal Server Error", type(error).__name__)

        return answer
