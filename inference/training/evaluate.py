"""Numbers with their intervals, all of 95 %. Targets are 0 or 1, scores 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

Numbers = NDArray[np.floating]

_Z = 1.959964  # standard normal quantile of 0.975
_ROUNDS = 2000  # of the bootstrap
_TEMPERATURES = np.geomspace(0.2, 5.0, 161)


@dataclass(frozen=True, slots=True)
class Interval:
    """`of` is the number of images that were counted."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True)
class Performance:
    """`sensitivity_of`: the sensitivity for each subtype of the positive images."""

    images: int
    positive: int
    patients: int
    auroc: Interval
    sensitivity: Interval
    specificity: Interval
    brier: float
    sensitivity_of: dict[str, Interval]


def auroc(targets: Numbers, scores: Numbers) -> float:
    """Return the area under the ROC curve; both targets must occur."""
    return float(roc_auc_score(targets, scores))


def auroc_interval(targets: Numbers, scores: Numbers, seed: int = 0) -> Interval:
    """Return the AUROC with percentiles of a bootstrap within each class."""
    rng = np.random.default_rng(seed)
    positive, negative = scores[targets == 1], scores[targets == 0]
    # The AUROC is the share of pairs in which the positive scores higher, ties counting
    # half; a round of the bootstrap only weighs the pairs anew.
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    drawn_positive, drawn_negative = (
        rng.multinomial(count, np.full(count, 1 / count), _ROUNDS).astype(np.float64)
        for count in (len(positive), len(negative))
    )
    values = ((drawn_positive @ wins) * drawn_negative).sum(axis=1) / wins.size
    low, high = (float(value) for value in np.percentile(values, (2.5, 97.5)))
    return Interval(auroc(targets, scores), low, high, len(targets))


def wilson(hits: int, total: int) -> Interval:
    """Return the share `hits / total` with Wilson's interval."""
    if total == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    share = hits / total
    middle = share + _Z * _Z / (2 * total)
    reach = _Z * math.sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    # Rounding may leave the share itself just outside.
    low, high = (middle - reach) / scale, (middle + reach) / scale
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)), total)


def performance(
    targets: Numbers,
    scores: Numbers,
    threshold: float,
    patients: list[str],
    subtypes: list[str],
) -> Performance:
    """Measure one part; a score at or above `threshold` says present."""
    called = scores >= threshold
    truth = targets == 1
    groups = np.array(subtypes)
    return Performance(
        images=len(targets),
        positive=int(truth.sum()),
        patients=len(set(patients)),
        auroc=auroc_interval(targets, scores),
        sensitivity=wilson(int((called & truth).sum()), int(truth.sum())),
        specificity=wilson(int((~called & ~truth).sum()), int((~truth).sum())),
        brier=float(brier_score_loss(targets, scores)),
        sensitivity_of={
            str(name): wilson(
                int((called & truth & (groups == name)).sum()),
                int((truth & (groups == name)).sum()),
            )
            for name in np.unique(groups[truth])
            if name
        },
    )


def choose_threshold(targets: Numbers, scores: Numbers, sensitivity: float) -> float:
    """Return the highest threshold that reaches `sensitivity`, between two scores."""
    positive = np.sort(scores[targets == 1])[::-1]
    last = math.ceil(sensitivity * len(positive)) - 1
    lowest = float(positive[max(last, 0)])
    below = scores[scores < lowest]
    # Half way to the next lower score: no image sits on the edge.
    return lowest if len(below) == 0 else (lowest + float(below.max())) / 2


def choose_temperature(targets: Numbers, logits: Numbers) -> float:
    """Return the temperature of least log loss, both classes weighing the same.

    The share of positives among training images is no clinic's, so it must not tilt the
    certainties.
    """
    share = float(targets.mean())
    weights = np.where(targets == 1, 0.5 / share, 0.5 / (1 - share))
    losses = [
        log_loss(targets, 1 / (1 + np.exp(-logits / value)), sample_weight=weights)
        for value in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])
