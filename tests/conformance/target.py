"""An origin server under test, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

JSON = "application/dicom+json"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


@dataclass(frozen=True)
class Target:
    """`url` is that of the service; `uri` that of the URI service."""

    name: str
    url: str
    uri: str
    client: httpx.Client

    def get(self, path: str, accept: str = "*/*", **headers: str) -> Any:
        return self.client.get(self.url + path, headers={"Accept": accept, **headers})

    def json(self, path: str) -> Any:
        answer = self.get(path, JSON)
        assert answer.status_code == 200, (answer.status_code, answer.text[:200])
        return answer.json()

    def post(self, path: str, content: bytes, content_type: str, accept: str = JSON) -> Any:
        headers = {"Content-Type": content_type, "Accept": accept}
        return self.client.post(self.url + path, content=content, headers=headers)


def clause(section: str, text: str) -> pytest.MarkDecorator:
    """Mark a test with the section of PS3.18 that it holds, and what that says in short."""
    return pytest.mark.clause(section, text)
