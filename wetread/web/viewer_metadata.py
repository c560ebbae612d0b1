"""DICOMweb as the viewer reads it: what no display can use is left out of the metadata.

OHIF draws an image black whose pixels are said to be 0 mm apart (PS3.3 Section 10.7.1.1 wants more
than that). The archive and `/dicom-web` keep what came in.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SPACINGS = ("00280030", "00181164", "00182010")  # Pixel, Imager Pixel, Nominal Scanned Pixel
_LEVEL = 1  # of gzip: headers say the same over and over
_MARK = b'"00280030"', b'"00181164"', b'"00182010"'


def drawable(metadata: bytes) -> bytes:
    """Return DICOM JSON without spacings of zero; as it is where there are none."""
    if not any(each in metadata for each in _MARK):
        return metadata
    try:
        instances = json.loads(metadata)
    except ValueError:
        return metadata
    changed = [_without_zero(each) for each in instances if isinstance(each, dict)]
    return json.dumps(instances).encode() if any(changed) else metadata


def _without_zero(instance: dict[str, Any]) -> bool:
    wrong = [tag for tag in _SPACINGS if tag in instance and not _usable(instance[tag])]
    for tag in wrong:
        del instance[tag]
    return bool(wrong)


def _usable(element: Any) -> bool:
    values = element.get("Value") if isinstance(element, dict) else None
    return not values or all(isinstance(each, int | float) and each > 0 for each in values)


class DrawableDicomWeb:
    """DICOMweb of `app` at `prefix`, to be mounted elsewhere; only metadata is looked into."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        path = self._prefix + scope["path"].removeprefix(root)
        inner = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
        if not path.endswith("/metadata"):
            await self._app(inner, receive, send)
            return
        squeezes = _takes_gzip(scope)
        inner["headers"] = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        inner["extensions"] = {}  # what is held back here comes as bytes
        start: Message = {}
        body: list[bytes] = []

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.append(message.get("body", b""))
            if not message.get("more_body", False):
                # Headers of a thousand slices would keep all others waiting.
                content = await run_in_threadpool(_made, body, squeezes)
                headers = [each for each in start["headers"] if each[0] != b"content-length"]
                headers.append((b"content-length", str(len(content)).encode()))
                if squeezes:
                    headers.append((b"content-encoding", b"gzip"))
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": content})

        await self._app(inner, receive, hold)


def _made(body: list[bytes], squeezes: bool) -> bytes:
    content = drawable(b"".join(body))
    return gzip.compress(content, _LEVEL, mtime=0) if squeezes else content


def _takes_gzip(scope: Scope) -> bool:
    return any(
        name == b"accept-encoding" and b"gzip" in value.lower() for name, value in scope["headers"]
    )
