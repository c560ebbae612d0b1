"""The address by which a client behind a proxy knows this node."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_SECURE = {"http": "https", "websocket": "wss"}


class Proxied:
    """Takes scheme and host from X-Forwarded-Proto and X-Forwarded-Host, whoever the proxy is.

    They are in the links of the answer and nowhere else, so nobody gains by making them up; who
    the client is, which X-Forwarded-For would say, stays what the connection says.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in _SECURE:
            headers = Headers(scope=scope)
            # Of several proxies, the first is the one that the client reached.
            scheme = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
            host = headers.get("x-forwarded-host", "").partition(",")[0].strip()
            if scheme == "https":
                scope = {**scope, "scheme": _SECURE[scope["type"]]}
            if _HOST.fullmatch(host):
                kept = [each for each in scope["headers"] if each[0] != b"host"]
                scope = {**scope, "headers": [*kept, (b"host", host.encode("ascii"))]}
        await self._app(scope, receive, send)
