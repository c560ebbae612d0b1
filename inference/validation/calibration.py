"""Does a certainty of 0.8 mean 8 in 10?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inference.validation.interval import Interval, Numbers, wilson
from inference.validation.sample import Sample

BINS = 10  # of equal width, as in Naeini et al., AAAI 2015, and Guo et al., ICML 2017


@dataclass(frozen=True, slots=True)
class Bin:
    """`certainty` is the mean of its cases (NaN without any), `observed` the positive share."""

    low: float
    high: float
    certainty: float
    observed: Interval


class Calibration:
    """Expected calibration error and Brier score, for many draws at once."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._bins = np.minimum((sample.scores * BINS).astype(int), BINS - 1)
        self._gap = sample.scores - sample.positive
        self._member = np.eye(BINS)[self._bins]  # (cases, bins)

    def ece(self, weights: Numbers) -> Numbers:
        """Return the mean gap between certainty and share of positives over the bins."""
        gaps = np.abs((weights * self._gap) @ self._member).sum(axis=1)
        return np.asarray(gaps / weights.sum(axis=1))

    def brier(self, weights: Numbers) -> Numbers:
        """Return the mean squared gap between certainty and truth (Brier 1950)."""
        return np.asarray(weights @ self._gap**2 / weights.sum(axis=1))

    def curve(self) -> tuple[Bin, ...]:
        found = []
        for index in range(BINS):
            inside = self._bins == index
            count = int(inside.sum())
            mean = float(self._sample.scores[inside].mean()) if count else math.nan
            hits = int(self._sample.positive[inside].sum())
            found.append(Bin(index / BINS, (index + 1) / BINS, mean, wilson(hits, count)))
        return tuple(found)
