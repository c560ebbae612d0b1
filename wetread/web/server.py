"""Uvicorn, as a node runs it."""

from __future__ import annotations

import threading
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """Says that it stops before it waits for its connections, so that streams end by themselves."""

    def __init__(self, closing: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._closing.set()
        super().handle_exit(sig, frame)
