"""The body of an answer in pieces: bytes, and stretches of files that the kernel can send."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

# An extension of ASGI: where a server offers it in a scope, it takes messages of this type, whose
# "pieces" follow the start of an answer in place of a body, with more to come. When they are sent
# it calls "then", in the thread that sent them, with whether the client keeps up.
PIECES = "wetread.response.pieces"

_CHUNK = 512 << 10  # bytes
_SHORT = 64 << 10  # bytes; what is shorter is read at once
_IN_MEMORY = 512 << 10  # bytes that are sent at once
_FILES = 2, 32  # that are open for one answer: to who reads slowly, and to who keeps up
_MANY = 200  # that are open for all of them: select(2), on which DIMSE waits, knows 1024
_PATIENCE = 0.05  # seconds that what is made waits for more


class _Count:
    """How many files are open."""

    def __init__(self) -> None:
        self.value = 0
        # One that is dropped anywhere may be counted in the middle of counting another.
        self._lock = threading.RLock()

    def add(self, change: int) -> None:
        with self._lock:
            self.value += change


_open = _Count()


class Extent:
    """`length` bytes of a file from `start`, which stays open, until this is closed or dropped."""

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self.start = start
        self._length = length
        self._descriptor = descriptor
        self.close = weakref.finalize(self, _shut, descriptor)
        _open.add(1)

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


def _shut(descriptor: int) -> None:
    os.close(descriptor)
    _open.add(-1)


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


class Batches:
    """Joins pieces to what is sent at once: each time costs a change of threads.

    What takes its time to be made is not held back for what comes after it.
    """

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self._files = _FILES[0]

    def take(self, *, is_quick: bool = False) -> list[Piece]:
        """Return some; none at the end. Each time that `is_quick`, more files are opened."""
        self._files = min(2 * self._files, _FILES[1]) if is_quick else _FILES[0]
        batch: list[Piece] = []
        size = files = 0
        began = time.monotonic()
        for piece in self._pieces:
            if not piece:
                continue
            batch.append(piece)
            if isinstance(piece, Extent):
                files += 1
            else:
                size += len(piece)
            enough = size >= _IN_MEMORY or files >= self._files
            if enough or _open.value > _MANY or time.monotonic() - began > _PATIENCE:
                break
        return batch

    def close(self) -> None:
        if isinstance(self._pieces, Generator):
            self._pieces.close()


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
