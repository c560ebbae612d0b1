"""The body of a request, in pieces that are worth a write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request

IDLE = 60.0  # seconds without a byte
_BLOCK = 1 << 20  # bytes that go to the disk at once


async def blocks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body. Raises `TimeoutError` after `IDLE` seconds without a byte."""
    block = bytearray()
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), IDLE)
        except StopAsyncIteration:
            break
        block += chunk
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
