"""The body of an answer in pieces: bytes, and stretches of files that the kernel can send."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

# An extension of ASGI: where a server offers it in a scope, it takes messages of this type,
# whose "pieces" follow the start of an answer in place of a body, with more to come.
PIECES = "wetread.response.pieces"

_CHUNK = 512 << 10  # bytes
_SHORT = 64 << 10  # bytes; what is shorter is read at once
_IN_MEMORY = 512 << 10  # bytes that are sent at once
_AT_ONCE = 8 << 20  # bytes that are sent at once where they lie in files
_FILES = 8  # that are open for one answer
_PATIENCE = 0.05  # seconds that what is made waits for more


class Extent:
    """`length` bytes of a file from `start`, which stays open, until this is closed or dropped."""

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self.start = start
        self._length = length
        self._descriptor = descriptor
        self.close = weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return self._length

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> Iterator[bytes]:
        """Yield the bytes. Raises `EOFError`."""
        position, end = self.start, self.start + self._length
        while position < end:
            chunk = os.pread(self._descriptor, min(_CHUNK, end - position), position)
            if not chunk:
                raise EOFError("a file is shorter than it was")
            position += len(chunk)
            yield chunk


Piece = bytes | Extent


def file_piece(path: Path, start: int = 0, count: int | None = None) -> Iterator[Piece]:
    """Yield a file from `start`, in one piece; nothing where it is empty."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        held = max(0, os.fstat(descriptor).st_size - start)
        length = held if count is None else min(count, held)
        if length >= _SHORT:
            extent = Extent(descriptor, start, length)
            descriptor = -1
            yield extent
        elif content := os.pread(descriptor, length, start):
            yield content
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def batches(pieces: Iterable[Piece]) -> Generator[list[Piece]]:
    """Join pieces to what is sent at once: each time costs a change of threads.

    What takes its time to be made is not held back for what comes after it.
    """
    batch: list[Piece] = []
    size = files = 0
    began = time.monotonic()
    for piece in pieces:
        if not piece:
            continue
        batch.append(piece)
        if isinstance(piece, Extent):
            files += 1
            size += len(piece) * _IN_MEMORY // _AT_ONCE
        else:
            size += len(piece)
        if size >= _IN_MEMORY or files == _FILES or time.monotonic() - began > _PATIENCE:
            yield batch
            batch, size, files = [], 0, 0
            began = time.monotonic()
    if batch:
        yield batch


def in_memory(batch: Iterable[Piece]) -> Iterator[bytes]:
    """Yield a batch as bytes, for a server that sends nothing else."""
    held: list[bytes] = []
    for piece in batch:
        if isinstance(piece, bytes):
            held.append(piece)
            continue
        for chunk in piece.read():
            yield b"".join((*held, chunk))
            held.clear()
        piece.close()
    if held:
        yield b"".join(held)
