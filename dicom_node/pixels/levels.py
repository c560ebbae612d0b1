"""The stored values of a frame, for what is done to each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)


class Levels:
    """The values of `stored`, (rows, columns): each once, where those are fewer than the pixels.

    A LUT or a window then works on some thousand values in place of some million, and what it
    gives for each is looked up for every pixel. `values`, (levels,), are in the order of the
    levels; `padding`, (rows, columns), is where the image has no content.
    """

    def __init__(self, stored: NDArray[Any], padding: NDArray[np.bool_] | None = None) -> None:
        self._shape = stored.shape
        self._content = None if padding is None or padding.all() else ~padding
        self._index: NDArray[np.intp] | None = None
        if stored.dtype.kind in "iu" and stored.size:
            low, high = int(stored.min()), int(stored.max())
            if high - low < stored.size:
                self._index = np.subtract(stored, low, dtype=np.intp, casting="unsafe")
                self.values = np.arange(low, high + 1, dtype=np.float64)
                return
        self.values = stored.astype(np.float64).reshape(-1)

    def image(self, mapped: NDArray[Kind]) -> NDArray[Kind]:
        """Return (rows, columns): for each pixel what `mapped`, (levels,), has for its value."""
        return mapped.reshape(self._shape) if self._index is None else mapped[self._index]

    def extremes(self, mapped: NDArray[np.float64]) -> tuple[float, float]:
        """Return the least and the largest of `mapped` that the content has."""
        inside = mapped[self._inside]
        return float(inside.min()), float(inside.max())

    def percentiles(
        self, mapped: NDArray[np.float64], shares: Sequence[float]
    ) -> tuple[float, ...]:
        """Return those of `mapped` over the content's pixels, as `numpy.percentile` does."""
        if self._index is None:
            return tuple(float(each) for each in np.percentile(mapped[self._inside], shares))
        inside = mapped[self._inside]
        order = np.argsort(inside)
        ranked, upto = inside[order], np.cumsum(self._counts[self._inside][order])
        last = int(upto[-1]) - 1

        def at(rank: int) -> float:
            return float(ranked[np.searchsorted(upto, rank, side="right")])

        def between(place: float) -> float:
            below = int(place)
            low, high, part = at(below), at(min(below + 1, last)), place - below
            # From the nearer of the two, and so the same to the last bit.
            return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)

        return tuple(between(last * (share / 100)) for share in shares)

    @cached_property
    def _counts(self) -> NDArray[np.intp]:
        """How many of the content's pixels have each level."""
        assert self._index is not None
        inside = self._index if self._content is None else self._index[self._content]
        return np.bincount(inside.reshape(-1), minlength=len(self.values))

    @cached_property
    def _inside(self) -> NDArray[Any] | slice:
        """What of the levels the content has."""
        if self._index is not None:
            return np.flatnonzero(self._counts)
        return slice(None) if self._content is None else self._content.reshape(-1)
