"""Drawing the patients anew, many times at once.

Each draw is a row of weights: how often each case is in it. All draws are measured together,
which is some twenty times as fast as drawing and measuring one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from inference.validation.interval import Interval, Numbers, percentiles
from inference.validation.sample import Sample

ROUNDS = 2000
_CELLS = 2_000_000  # weights held at once, 16 MB
_SEED = 20240229

Measure = Callable[[Numbers], Numbers]  # weights (draws, cases) to values (draws,)


def draws(sample: Sample, rounds: int = ROUNDS, seed: int = _SEED) -> Iterator[Numbers]:
    """Yield weights, (draws, cases): patients drawn with replacement within two strata.

    The strata are the patients with a positive case and those without, so that no draw is
    without either.
    """
    rng = np.random.default_rng(seed)
    count = int(sample.patients.max()) + 1
    with_positive = np.bincount(sample.patients[sample.positive], minlength=count) > 0
    present = np.bincount(sample.patients, minlength=count) > 0
    strata = [
        part
        for part in (
            np.flatnonzero(present & with_positive),
            np.flatnonzero(~with_positive & present),
        )
        if len(part)
    ]
    step = max(1, _CELLS // max(len(sample.scores), 1))
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        chosen = np.concatenate([rng.choice(part, (size, len(part))) for part in strata], axis=1)
        cells = chosen + count * np.arange(size)[:, None]
        drawn = np.bincount(cells.ravel(), minlength=size * count).reshape(size, count)
        yield drawn[:, sample.patients].astype(np.float64)


def intervals(
    sample: Sample, measures: dict[str, Measure], rounds: int = ROUNDS
) -> dict[str, Interval]:
    """Return each measure on the sample itself, between the percentiles of its draws."""
    parts: dict[str, list[Numbers]] = {name: [] for name in measures}
    for weights in draws(sample, rounds):
        for name, measure in measures.items():
            parts[name].append(measure(weights))
    once = np.ones((1, len(sample.scores)))
    return {
        name: percentiles(float(measure(once)[0]), np.concatenate(parts[name]), len(sample.scores))
        for name, measure in measures.items()
    }


class Ranking:
    """The cases by falling score, for measures of rank; ties stand together."""

    def __init__(self, positive: NDArray[np.bool_], scores: Numbers) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._positive = positive[self._order]

    def auroc(self, weights: Numbers) -> Numbers:
        """Return the area under the ROC curve, trapezoidal, (draws,)."""
        positive, negative = self._counts(weights)
        above = np.cumsum(positive, axis=1) - positive / 2
        total = positive.sum(axis=1) * negative.sum(axis=1)
        return _ratio((above * negative).sum(axis=1), total)

    def auprc(self, weights: Numbers) -> Numbers:
        """Return the average precision, as scikit-learn defines it, (draws,)."""
        positive, negative = self._counts(weights)
        hits = np.cumsum(positive, axis=1)
        precision = _ratio(hits, hits + np.cumsum(negative, axis=1))
        gained = (positive * np.nan_to_num(precision)).sum(axis=1)
        return _ratio(gained, hits[:, -1])

    def _counts(self, weights: Numbers) -> tuple[Numbers, Numbers]:
        """Return the weight of positives and of negatives at each score, (draws, scores)."""
        ordered = weights[:, self._order]
        hits = np.add.reduceat(ordered * self._positive, self._starts, axis=1)
        return hits, np.add.reduceat(ordered * ~self._positive, self._starts, axis=1)


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    result: Numbers = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return result
