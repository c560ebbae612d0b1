"""Opening files ahead of the model, in threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from inference.domain.errors import InputError, UnreadablePixels
from inference.domain.instance import Instance
from inference.ports import Picture
from inference.validation.case import Case
from inference.validation.opener import Opener


@dataclass(frozen=True, slots=True)
class Opened:
    """A case with its Instances, or with why it has none. `seconds` were spent on opening it.

    `pixels` are those of the Instances, in their order.
    """

    case: Case
    instances: tuple[Instance, ...]
    pixels: tuple[Picture | UnreadablePixels, ...]
    why: str
    seconds: float


class Batch:
    """Cases that are open. Implements `inference.ports.Files` and `inference.ports.PixelReader`."""

    def __init__(self, opened: Sequence[Opened]) -> None:
        self.opened = opened
        self._held = {
            Path(instance.key): pixels
            for each in opened
            for instance, pixels in zip(each.instances, each.pixels, strict=True)
        }

    def path(self, key: str) -> Path:
        return Path(key)

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        """Raises `CodecMissing` or `UnreadablePixels`."""
        pixels = self._held[part10]
        if isinstance(pixels, UnreadablePixels):
            raise pixels
        return pixels


class Prefetch:
    """Cases are open when a Reader asks, while others are still being read.

    Threads are enough: the decoders, NumPy and torch all let go of the interpreter while they
    work. `ahead` batches are opened beside those that are handed out; it bounds the memory.
    """

    def __init__(self, opener: Opener, workers: int, ahead: int = 2) -> None:
        self._opener = opener
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="open")

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def batches(self, cases: Sequence[Case], size: int) -> Iterator[Batch]:
        """Yield the cases in their order, `size` at a time."""
        waiting: deque[list[Future[Opened]]] = deque()
        starts = iter(range(0, len(cases), size))
        while True:
            while len(waiting) <= self._ahead and (start := next(starts, None)) is not None:
                batch = cases[start : start + size]
                waiting.append([self._pool.submit(self._open, case) for case in batch])
            if not waiting:
                return
            yield Batch([future.result() for future in waiting.popleft()])

    def _open(self, case: Case) -> Opened:
        started = time.perf_counter()
        instances: list[Instance] = []
        pixels: list[Picture | UnreadablePixels] = []
        why = "" if case.paths else "the folder holds no images"
        for path in case.paths:
            try:
                instance = self._opener.instance(case, path)
                seen = self._pixels(path)
            except (InputError, OSError) as error:
                # Serving quarantines such a file and reads the others of the Series.
                why = str(error) if isinstance(error, InputError) else type(error).__name__
            else:
                instances.append(instance)
                pixels.append(seen)
        seconds = time.perf_counter() - started
        return Opened(case, tuple(instances), tuple(pixels), why, seconds)

    def _pixels(self, path: Path) -> Picture | UnreadablePixels:
        try:
            return self._opener.read(path)
        except UnreadablePixels as error:
            return error
