"""Do groups differ by more than chance? The groups are dealt out anew, many times.

If a group made no difference, any other dealing could have come about as well; the p-value is
the share of dealings whose groups lie at least as far apart. It needs no variance, so groups
without a single error can be tested too. Cases of one patient stay together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.validation.bootstrap import Ranking
from inference.validation.interval import Numbers
from inference.validation.sample import Sample

ROUNDS = 1999
_CELLS = 2_000_000  # labels held at once, 16 MB
_SEED = 20240229

_Spread = Callable[[NDArray[np.intp]], Numbers]  # (dealings, cases) to (dealings,)


def auroc_differs(sample: Sample, groups: NDArray[np.intp]) -> float:
    """Return the p-value that the area under the ROC curve differs between `groups`.

    `groups`: (cases,), the number of each case's group. NaN where there is nothing to compare.
    """
    ranking = Ranking(sample.positive, sample.scores)

    def spread(dealt: NDArray[np.intp]) -> Numbers:
        members = [(dealt == group).astype(np.float64) for group in np.unique(groups)]
        positive = [member @ sample.positive for member in members]
        negative = [
            member.sum(axis=1) - hits for member, hits in zip(members, positive, strict=True)
        ]
        # The precision of an area goes about with the harmonic mean of its two counts.
        weights = [m * n / np.maximum(m + n, 1) for m, n in zip(positive, negative, strict=True)]
        return _apart([ranking.auroc(member) for member in members], weights)

    return _p_value(sample, groups, spread)


def share_differs(sample: Sample, groups: NDArray[np.intp], right: NDArray[np.bool_]) -> float:
    """Return the p-value that the share of cases that are `right` differs between `groups`."""

    def spread(dealt: NDArray[np.intp]) -> Numbers:
        members = [(dealt == group).astype(np.float64) for group in np.unique(groups)]
        sizes = [member.sum(axis=1) for member in members]
        shares = [
            (member @ right) / np.maximum(size, 1)
            for member, size in zip(members, sizes, strict=True)
        ]
        return _apart(shares, sizes)

    return _p_value(sample, groups, spread)


def _p_value(sample: Sample, groups: NDArray[np.intp], spread: _Spread) -> float:
    if len(np.unique(groups)) < 2:
        return math.nan
    observed = float(spread(groups[None, :])[0])
    # Sums of the same numbers in another order differ in the last digits.
    beyond = sum(
        int((spread(dealt) >= observed - 1e-12).sum()) for dealt in _dealings(sample, groups)
    )
    return (1 + beyond) / (1 + ROUNDS)


def _dealings(sample: Sample, groups: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield (dealings, cases): the groups, shuffled among patients of the same kind.

    A kind is: with a positive case, or without. Where a patient is in several groups (two
    views of one chest), the cases themselves are shuffled within each class.
    """
    rng = np.random.default_rng(_SEED)
    _, first, patients = np.unique(sample.patients, return_index=True, return_inverse=True)
    if (groups[first][patients] == groups).all():
        of_unit = groups[first]
        kind = np.bincount(patients, weights=sample.positive) > 0
    else:
        of_unit, kind, patients = groups, sample.positive, np.arange(len(groups))
    step = max(1, _CELLS // len(groups))
    for start in range(0, ROUNDS, step):
        size = min(step, ROUNDS - start)
        dealt = np.tile(of_unit, (size, 1))
        for part in (np.flatnonzero(kind), np.flatnonzero(~kind)):
            dealt[:, part] = rng.permuted(dealt[:, part], axis=1)
        yield dealt[:, patients]


def _apart(values: Sequence[Numbers], weights: Sequence[Numbers]) -> Numbers:
    """Return the weighted sum of squares about the weighted mean, (dealings,)."""
    value, weight = np.nan_to_num(np.array(values)), np.array(weights)
    mean = (weight * value).sum(axis=0) / weight.sum(axis=0)
    result: Numbers = (weight * (value - mean) ** 2).sum(axis=0)
    return result
