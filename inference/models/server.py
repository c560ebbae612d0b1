"""A server that runs the network: the table `server` of a `model.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.models.table import Table

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SECONDS = (0.1, 3600.0)


@dataclass(frozen=True, slots=True)
class Server:
    """`url` is what stands before /v2. `version` is "" for the one that the server chooses.

    `binary`: send numbers by the binary data extension of Triton, instead of as JSON.
    """

    url: str
    model: str
    version: str = ""
    timeout_seconds: float = 30.0
    binary: bool = False


def parse_server(table: Table) -> Server:
    """Raises `ManifestError`."""
    server = Server(
        url=table.text("url", _URL, "http://HOST:PORT, without a password").rstrip("/"),
        model=table.text("model", _MODEL, "the model's name on the server"),
        version=table.text("version", _MODEL, "a version on the server")
        if table.has("version")
        else "",
        timeout_seconds=table.number("timeout_seconds", _SECONDS, 30.0),
        binary=table.truth("binary"),
    )
    table.close()
    return server
