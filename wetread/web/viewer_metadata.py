"""DICOMweb as the viewer reads it: what no display can use is left out of the metadata.

OHIF draws an image black whose pixels are said to be 0 mm apart (PS3.3 Section 10.7.1.1 wants more
than that). The archive and `/dicom-web` keep what came in.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SPACINGS = ("00280030", "00181164", "00182010")  # Pixel, Imager Pixel, Nominal Scanned Pixel
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
        inner["headers"] = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                content = drawable(body)
                headers = [each for each in start["headers"] if each[0] != b"content-length"]
                headers.append((b"content-length", str(len(content)).encode()))
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": content})

        await self._app(inner, receive, hold)
