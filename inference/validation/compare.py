"""Two results on the same cases: what changed, and is it more than chance?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from inference.domain.errors import InputError
from inference.validation import bootstrap, delong
from inference.validation.bootstrap import Ranking
from inference.validation.calibration import Calibration
from inference.validation.interval import Interval, Numbers
from inference.validation.record import Identity, Record, read_results
from inference.validation.sample import Sample, sample


@dataclass(frozen=True, slots=True)
class Difference:
    """`difference` is `second` less `first`. `p` is NaN where `method` gives none."""

    measure: str
    first: float
    second: float
    difference: Interval
    p: float
    method: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left_out` cases are in one result alone, or were refused in one.

    `only_first` and `only_second` count the cases that only one of the two called right.
    """

    first: Identity
    second: Identity
    cases: int
    positive: int
    left_out: int
    only_first: int
    only_second: int
    differences: tuple[Difference, ...]


def compare(first: Path, second: Path) -> Comparison:
    """Compare two results files, or folders that hold one. Raises `InputError`."""
    (one, before), (other, after) = read_results(first), read_results(second)
    pairs = [
        (before[file], after[file])
        for file in before
        if file in after
        and before[file].certainty is not None
        and after[file].certainty is not None
    ]
    for left, right in pairs:
        if left.positive != right.positive:
            raise InputError(f"{left.file} has another label in each result: not to be compared")
    here, there = _samples(pairs)
    if not here.has_both:
        raise InputError("no positive and negative cases that both results assessed")
    hits = [
        (each.scores >= identity.threshold) == each.positive
        for each, identity in ((here, one), (there, other))
    ]
    only_first, only_second = int((hits[0] & ~hits[1]).sum()), int((hits[1] & ~hits[0]).sum())
    return Comparison(
        first=one,
        second=other,
        cases=len(pairs),
        positive=int(here.positive.sum()),
        left_out=len(before.keys() | after.keys()) - len(pairs),
        only_first=only_first,
        only_second=only_second,
        differences=_differences(
            here, there, (one.threshold, other.threshold), only_first, only_second
        ),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact p-value that either is right where the other errs (McNemar 1947)."""
    total = only_first + only_second
    return float(binomtest(only_first, total).pvalue) if total else 1.0


def _samples(pairs: list[tuple[Record, Record]]) -> tuple[Sample, Sample]:
    here = sample([left for left, _ in pairs])
    there = sample([right for _, right in pairs])
    # The patients of the first stand for both, so that one draw is the same draw in both.
    return here, Sample(there.positive, there.scores, here.patients)


def _differences(
    here: Sample, there: Sample, thresholds: tuple[float, float], only_first: int, only_second: int
) -> tuple[Difference, ...]:
    area, p = delong.paired(here.positive, here.scores, there.scores, here.patients)
    before, after = _measures(here, thresholds[0]), _measures(there, thresholds[1])
    once = np.ones((1, len(here.scores)))
    drawn = bootstrap.intervals(
        here, {name: _gap(before[name], after[name]) for name in before if name != "auroc"}
    )
    found = []
    for name in before:
        values = float(before[name](once)[0]), float(after[name](once)[0])
        if name == "auroc":
            found.append(Difference(name, *values, area, p, "DeLong"))
        elif name == "accuracy":
            test = mcnemar(only_first, only_second)
            found.append(Difference(name, *values, drawn[name], test, "McNemar, exact"))
        else:
            found.append(Difference(name, *values, drawn[name], math.nan, "bootstrap"))
    return tuple(found)


def _gap(before: bootstrap.Measure, after: bootstrap.Measure) -> bootstrap.Measure:
    return lambda weights: after(weights) - before(weights)


def _measures(each: Sample, threshold: float) -> dict[str, bootstrap.Measure]:
    ranking, calibration = Ranking(each.positive, each.scores), Calibration(each)
    called = each.scores >= threshold
    return {
        "auroc": ranking.auroc,
        "accuracy": _share(called == each.positive, np.ones_like(called)),
        "auprc": ranking.auprc,
        "sensitivity": _share(called, each.positive),
        "specificity": _share(~called, ~each.positive),
        "ece": calibration.ece,
        "brier": calibration.brier,
    }


def _share(right: NDArray[np.bool_], among: NDArray[np.bool_]) -> Callable[[Numbers], Numbers]:
    """Return the weighted share of the cases `among` that are `right`."""
    counted, hits = among.astype(np.float64), (among & right).astype(np.float64)
    return lambda weights: np.asarray(weights @ hits / (weights @ counted))
