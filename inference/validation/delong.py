"""The variance of areas under ROC curves.

DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988) 837, computed by mid-ranks (Sun, Xu, IEEE
Signal Processing Letters 21 (2014) 1389). Cases of one patient depend on each other, so their
components are summed by patient first (Obuchowski, Biometrics 53 (1997) 567); where every
patient has one case this is DeLong's own estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from inference.validation.interval import Interval, Numbers, Z
from inference.validation.sample import Sample


@dataclass(frozen=True, slots=True)
class Areas:
    """`values`: (models,); `covariance`: (models, models)."""

    values: Numbers
    covariance: Numbers


def areas(
    positive: NDArray[np.bool_], scores: Sequence[Numbers], patients: NDArray[np.intp]
) -> Areas:
    """Return the areas of all `scores` on the same cases; both classes must occur."""
    count = int(patients.max()) + 1
    m, n = int(positive.sum()), int((~positive).sum())
    values = np.empty(len(scores))
    # How far each patient's positive and negative cases pull each area off its mean.
    above, below = np.zeros((2, count, len(scores)))
    for index, each in enumerate(scores):
        ranks = rankdata(each)
        won_by_positive = (ranks[positive] - rankdata(each[positive])) / n
        won_by_negative = 1 - (ranks[~positive] - rankdata(each[~positive])) / m
        values[index] = won_by_positive.mean()
        np.add.at(above[:, index], patients[positive], (won_by_positive - values[index]) / m)
        np.add.at(below[:, index], patients[~positive], (won_by_negative - values[index]) / n)
    cross = above.T @ below
    covariance = (
        _unbiased(patients[positive]) * above.T @ above
        + _unbiased(patients[~positive]) * below.T @ below
        + _unbiased(patients) * (cross + cross.T)
    )
    return Areas(values, covariance)


def area(sample: Sample) -> tuple[float, float]:
    """Return the area and its variance."""
    found = areas(sample.positive, [sample.scores], sample.patients)
    return float(found.values[0]), float(found.covariance[0, 0])


def interval(sample: Sample) -> Interval:
    """Return the area with an interval that stays within 0 to 1: symmetric in the logit.

    An area of 0 or 1 has no spread to reckon with, and gets no interval.
    """
    value, variance = area(sample)
    of = len(sample.scores)
    if not 0 < value < 1 or not variance > 0:
        return Interval(value, math.nan, math.nan, of)
    logit = math.log(value / (1 - value))
    reach = Z * math.sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-each)) for each in (logit - reach, logit + reach))
    return Interval(value, low, high, of)


def paired(
    positive: NDArray[np.bool_], first: Numbers, second: Numbers, patients: NDArray[np.intp]
) -> tuple[Interval, float]:
    """Return the area of `second` less that of `first` on the same cases, and the p-value."""
    found = areas(positive, [first, second], patients)
    contrast = np.array([-1.0, 1.0])
    difference = float(contrast @ found.values)
    variance = float(contrast @ found.covariance @ contrast)
    of = len(positive)
    if variance <= 1e-15:  # the two rank alike, or nearly
        p = 1.0 if abs(difference) < 1e-12 else math.nan
        return Interval(difference, difference, difference, of), p
    spread = math.sqrt(variance)
    p = 2 * float(ndtr(-abs(difference) / spread))
    return Interval(difference, difference - Z * spread, difference + Z * spread, of), p


def _unbiased(patients: NDArray[np.intp]) -> float:
    count = len(np.unique(patients))
    return count / (count - 1) if count > 1 else 1.0
