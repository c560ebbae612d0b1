"""Out-of-fold answers in numbers. Intervals are of 95 %; patients are drawn, never slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from inference.training.evaluate import Interval, auroc, wilson

Numbers = NDArray[np.float64]
Pool = Callable[[Sequence[float]], float]

_ROUNDS = 2000  # of the bootstrap
_EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # of certainty


@dataclass(frozen=True, slots=True)
class Measured:
    """`units` are slices, or the slices of a patient with one label. AUROC, average precision
    and Brier score are means over the repeats; `auroc_of_repeats` is the least and the most.
    """

    units: int
    positive: int
    patients: int
    auroc: Interval
    auroc_of_repeats: tuple[float, float]
    average_precision: float
    sensitivity: Interval
    specificity: Interval
    brier: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Slices of which the mean certainty is within `low` to `high`."""

    low: float
    high: float
    slices: int
    positive: int
    mean: float


def measure(
    targets: Numbers, certainties: Numbers, patients: NDArray[np.str_], threshold: float
) -> Measured:
    """`certainties`: (repeats, units). A unit is called by its mean over the repeats."""
    called = certainties.mean(axis=0) >= threshold
    truth = targets == 1
    each = [auroc(targets, row) for row in certainties]
    return Measured(
        units=len(targets),
        positive=int(truth.sum()),
        patients=len(set(patients)),
        auroc=auroc_by_patient(targets, certainties, patients),
        auroc_of_repeats=(min(each), max(each)),
        average_precision=float(
            np.mean([average_precision_score(targets, row) for row in certainties])
        ),
        sensitivity=wilson(int((called & truth).sum()), int(truth.sum())),
        specificity=wilson(int((~called & ~truth).sum()), int((~truth).sum())),
        brier=float(np.mean((certainties - targets) ** 2)),
    )


def auroc_by_patient(
    targets: Numbers, scores: Numbers, patients: NDArray[np.str_], seed: int = 0
) -> Interval:
    """Return the mean AUROC of the repeats, with percentiles of a bootstrap over patients.

    `scores`: (repeats, units). The AUROC is the share of pairs in which the positive scores
    higher, ties counting half; a round only weighs the pairs anew.
    """
    positive, negative = np.flatnonzero(targets == 1), np.flatnonzero(targets == 0)
    high, low = scores[:, positive, None], scores[:, None, negative]
    wins = ((high > low) + 0.5 * (high == low)).mean(axis=0)
    names, whose = np.unique(patients, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _ROUNDS)[:, whose]
    ups, downs = drawn[:, positive].astype(float), drawn[:, negative].astype(float)
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    usable = pairs > 0
    values = ((ups @ wins) * downs).sum(axis=1)[usable] / pairs[usable]
    lower, upper = (float(value) for value in np.percentile(values, (2.5, 97.5)))
    return Interval(float(wins.mean()), lower, upper, len(targets))


def by_patient(
    targets: Numbers, certainties: Numbers, patients: NDArray[np.str_], pool: Pool
) -> tuple[Numbers, Numbers, NDArray[np.str_]]:
    """Pool the slices of each patient with the same label; return what `measure` takes."""
    units = sorted(
        {(str(name), float(label)) for name, label in zip(patients, targets, strict=True)}
    )
    pooled = np.array(
        [
            [pool(row[(patients == name) & (targets == label)].tolist()) for name, label in units]
            for row in certainties
        ]
    )
    return np.array([label for _, label in units]), pooled, np.array([name for name, _ in units])


def pairs_within(
    targets: Numbers, certainties: Numbers, patients: NDArray[np.str_]
) -> tuple[int, int, int]:
    """Return, of patients with both labels: how many there are, their pairs of slices, and

    in how many pairs the positive slice scored higher, by the mean over the repeats.
    """
    mean = certainties.mean(axis=0)
    both = [
        name for name in np.unique(patients) if len(set(targets[patients == name].tolist())) == 2
    ]
    pairs = [
        bool(high > low)
        for name in both
        for high in mean[(patients == name) & (targets == 1)]
        for low in mean[(patients == name) & (targets == 0)]
    ]
    return len(both), len(pairs), sum(pairs)


def bins(targets: Numbers, certainties: Numbers) -> list[Bin]:
    """Return how often the finding was there, by the mean certainty over the repeats."""
    mean = certainties.mean(axis=0)
    found = []
    for low, high in pairwise(_EDGES):
        inside = (mean >= low) & ((mean < high) | (high == 1.0))
        if inside.any():
            count, positive = int(inside.sum()), int(targets[inside].sum())
            found.append(Bin(low, high, count, positive, float(mean[inside].mean())))
    return found
