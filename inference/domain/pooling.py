"""From what a model says of slices to what it says of their Series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from statistics import fmean, median


class Pooling(StrEnum):
    MEAN = "mean"
    MEDIAN = "median"
    MAXIMUM = "maximum"


_HOW: dict[Pooling, Callable[[Sequence[float]], float]] = {
    Pooling.MEAN: fmean,
    Pooling.MEDIAN: median,
    Pooling.MAXIMUM: max,
}


def pool(certainties: Sequence[float], pooling: Pooling) -> float:
    """Return the certainty of the Series; `certainties` is never empty."""
    return float(_HOW[pooling](certainties))
