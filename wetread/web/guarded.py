"""Routes that change something: only for programs, and for our own pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from wetread.web.problems import ForeignOrigin, NotJson, problem

_SAFE = frozenset(("GET", "HEAD"))
_OURS = frozenset(("", "none", "same-origin"))


class GuardedRoute(APIRoute):
    """Keeps off requests that a foreign page makes in the name of whoever looks at it.

    A browser sends no JSON across origins without asking first, and nobody answers; it also
    says where a request comes from, by Origin and Sec-Fetch-Site. What does not fit the model
    of the body is a problem document that repeats nothing of it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if request.method not in _SAFE:
                _check(request)
            try:
                return await handle(request)
            except RequestValidationError as error:
                faults = [
                    {"field": ".".join(map(str, each["loc"])), "detail": each["msg"]}
                    for each in error.errors()
                ]
                detail = "; ".join(f"{each['field']}: {each['detail']}" for each in faults)
                return problem("InvalidRequest", 422, detail, errors=faults)

        return guarded


def _check(request: Request) -> None:
    """Raise `ForeignOrigin` or `NotJson`."""
    headers = request.headers
    # A page cannot set X-Forwarded-Host without asking first; a proxy does.
    hosts = {headers.get("host", ""), headers.get("x-forwarded-host", "")} - {""}
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in hosts:
        raise ForeignOrigin()
    if headers.get("sec-fetch-site", "") not in _OURS:
        raise ForeignOrigin()
    content_type = Message()
    content_type["Content-Type"] = headers.get("content-type", "")
    if content_type.get_content_type() != "application/json":
        raise NotJson()
