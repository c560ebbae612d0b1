"""`ImageComparer` over the files of `FakeArchive`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from inference.domain.incident import Comparison


class FakeImageComparer:
    """An image is what stands before the first `|` of a file's payload; the rest is encoding.

    What begins with `!` cannot be decoded. Set `error` to have it raised. `asked` counts.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def compare(self, archived: Path, aside: Path, stopping: Callable[[], bool]) -> Comparison:
        self.asked += 1
        one, other = (each.read_bytes() for each in (archived, aside))
        if self.error is not None:
            raise self.error
        if stopping():
            return Comparison.FAILED
        images = [each.partition(b"\n")[2].partition(b"|")[0] for each in (one, other)]
        if any(each.startswith(b"!") for each in images):
            return Comparison.FAILED
        return Comparison.SAME if images[0] == images[1] else Comparison.DIFFERS
