"""Routes for programs and our own pages: who may ask, in what form, and how much."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message as Event
from starlette.types import Receive

from wetread.web.problems import Encoded, ForeignOrigin, NotJson, TooLarge, invalid

_SAFE = frozenset(("GET", "HEAD"))
_OURS = frozenset(("", "none", "same-origin"))
_LARGEST = 1 << 20  # bytes of a body


class GuardedRoute(APIRoute):
    """Keeps off requests that a foreign page makes in the name of whoever looks at it.

    A browser sends no JSON across origins without asking first, and nobody answers; it also
    says where a request comes from, by Origin and Sec-Fetch-Site. What does not fit the model
    of the body is a problem document that repeats nothing of it.
    """

    body_media = "application/json"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if request.method not in _SAFE:
                check_origin(request)
                _check_body(request, self.body_media)
                request = Request(request.scope, _bounded(request.receive))
            try:
                return await handle(request)
            except RequestValidationError as error:
                return invalid(error)

        return guarded


def check_origin(request: Request) -> None:
    """Raise `ForeignOrigin`."""
    headers = request.headers
    # A page cannot set X-Forwarded-Host without asking first; a proxy does.
    hosts = {headers.get("host", ""), headers.get("x-forwarded-host", "")} - {""}
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in hosts:
        raise ForeignOrigin()
    if headers.get("sec-fetch-site", "") not in _OURS:
        raise ForeignOrigin()


def _check_body(request: Request, media: str) -> None:
    """Raise `NotJson`, `Encoded` or `TooLarge`."""
    headers = request.headers
    content_type = Message()
    content_type["Content-Type"] = headers.get("content-type", "")
    if content_type.get_content_type() != media:
        raise NotJson(f"the body has to be {media}, and say so in Content-Type")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Encoded()
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > _LARGEST:
        raise TooLarge(_TOO_LARGE)


_TOO_LARGE = f"a body may have {_LARGEST >> 10} KiB"


def _bounded(receive: Receive) -> Receive:
    """Return `receive` as it ends a body that says nothing of its length."""
    taken = 0

    async def bounded() -> Event:
        nonlocal taken
        event = await receive()
        taken += len(event.get("body", b""))
        if taken > _LARGEST:
            # Whoever reads the body lets nothing else through.
            raise HTTPException(413, _TOO_LARGE)
        return event

    return bounded
