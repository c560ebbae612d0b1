"""A number with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from inference.domain.proportion import Proportion

Numbers = NDArray[np.float64]

Z = float(ndtri(0.975))  # 1.96


@dataclass(frozen=True, slots=True)
class Interval:
    """`of` counts what the number was taken over. What could not be measured is NaN."""

    value: float
    low: float
    high: float
    of: int


def unknown(of: int) -> Interval:
    return Interval(math.nan, math.nan, math.nan, of)


def wilson(hits: int, total: int) -> Interval:
    """Return the share `hits / total` with its score interval (Wilson 1927)."""
    share = Proportion(hits, total)
    if share.value is None or share.bounds is None:
        return unknown(0)
    return Interval(share.value, *share.bounds, total)


def percentiles(value: float, drawn: Numbers, of: int) -> Interval:
    """Return `value` between the 2.5th and 97.5th percentile of a bootstrap's draws."""
    usable = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(usable) < 2:
        return Interval(value, math.nan, math.nan, of)
    low, high = (float(each) for each in np.percentile(usable, (2.5, 97.5)))
    return Interval(value, low, high, of)
