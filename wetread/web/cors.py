"""Whose pages may read DICOMweb from a browser (the Fetch standard, CORS)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from dicom_node.dicomweb import PREFIX


class DicomWebCors:
    """For DICOMweb alone: no other site has a use for the node's own pages."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
            allow_headers=["Accept", "Content-Type", "If-None-Match", "Range"],
            expose_headers=["Content-Location", "Content-Range", "ETag", "Location", "Warning"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        public = path == "/wado" or path == PREFIX or path.startswith(f"{PREFIX}/")
        await (self._cors if public else self._app)(scope, receive, send)
