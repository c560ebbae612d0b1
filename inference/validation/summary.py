"""All numbers of a validation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import roc_curve

from inference.domain.finding import Presence
from inference.validation import bootstrap
from inference.validation.bootstrap import Ranking
from inference.validation.calibration import Bin, Calibration
from inference.validation.confusion import Confusion, confusion
from inference.validation.group import Factor, factors
from inference.validation.interval import Interval, unknown
from inference.validation.record import Record
from inference.validation.sample import Sample, sample

_HISTOGRAM_BINS = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """`undetermined` cases have a certainty, and count in all numbers, but decide nothing."""

    cases: int
    patients: int  # 0 where the data does not name them
    assessed: int
    positive: int  # of those assessed
    undetermined: int
    refused: int
    refused_positive: int

    @property
    def negative(self) -> int:
        return self.assessed - self.positive

    @property
    def refused_fraction(self) -> float:
        return self.refused / self.cases if self.cases else math.nan


@dataclass(frozen=True, slots=True)
class Seconds:
    """For one case, over all cases: the median and the 95th percentile.

    `read` is opening and decoding, in parallel; `model` the case's share of its batch.
    """

    read: tuple[float, float]
    model: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """`roc`: false and true positive rate by falling threshold. `histogram`: positives and
    negatives in 20 equal bins of certainty. `refusals`: cases by reason, most first.
    """

    counts: Counts
    confusion: Confusion
    auroc: Interval
    auprc: Interval
    ece: Interval
    brier: Interval
    roc: tuple[tuple[float, float], ...]
    calibration: tuple[Bin, ...]
    histogram: tuple[tuple[int, int], ...]
    factors: tuple[Factor, ...]
    refusals: tuple[tuple[str, int], ...]
    seconds: Seconds

    @property
    def measures(self) -> dict[str, Interval]:
        """The headline numbers by the names that bars use."""
        counts = self.confusion
        return {
            "auroc": self.auroc,
            "auprc": self.auprc,
            "sensitivity": counts.sensitivity,
            "specificity": counts.specificity,
            "ppv": counts.ppv,
            "npv": counts.npv,
            "accuracy": counts.accuracy,
            "ece": self.ece,
            "brier": self.brier,
        }


def summarise(records: Sequence[Record], threshold: float) -> Summary:
    """Measure all; what the cases cannot tell (one class only, none assessed) is NaN."""
    scored = [record for record in records if record.certainty is not None]
    refused = [record for record in records if record.certainty is None]
    whole = sample(scored)
    calibration = Calibration(whole)
    return Summary(
        counts=_counts(records, scored, refused),
        confusion=confusion(whole, threshold),
        **_intervals(whole, calibration),
        roc=_roc(whole),
        calibration=calibration.curve(),
        histogram=_histogram(whole),
        factors=factors(scored, threshold),
        refusals=tuple(Counter(record.reason for record in refused).most_common()),
        seconds=Seconds(
            _middle_and_slow([record.read_seconds for record in records]),
            _middle_and_slow([record.model_seconds for record in scored]),
        ),
    )


def _counts(
    records: Sequence[Record], scored: Sequence[Record], refused: Sequence[Record]
) -> Counts:
    return Counts(
        cases=len(records),
        patients=len({record.patient_id for record in records} - {""}),
        assessed=len(scored),
        positive=sum(record.positive for record in scored),
        undetermined=sum(record.presence == Presence.UNDETERMINED for record in scored),
        refused=len(refused),
        refused_positive=sum(record.positive for record in refused),
    )


def _intervals(whole: Sample, calibration: Calibration) -> dict[str, Interval]:
    of = len(whole.scores)
    found = dict.fromkeys(("auroc", "auprc", "ece", "brier"), unknown(of))
    measures: dict[str, bootstrap.Measure] = {}
    if of:
        measures |= {"ece": calibration.ece, "brier": calibration.brier}
    if whole.has_both:
        ranking = Ranking(whole.positive, whole.scores)
        measures |= {"auroc": ranking.auroc, "auprc": ranking.auprc}
    drawn = bootstrap.intervals(whole, measures) if measures else {}
    return found | {name: _told(each) for name, each in drawn.items()}


def _told(each: Interval) -> Interval:
    """Return a bootstrap's interval; without ends where all draws agree.

    They do where classes do not overlap, or where each has one patient: that tells nothing of
    what other patients would give, and "1 to 1" would be read as certainty.
    """
    return replace(each, low=math.nan, high=math.nan) if each.low == each.high else each


def _roc(whole: Sample) -> tuple[tuple[float, float], ...]:
    if not whole.has_both:
        return ()
    across, up, _ = roc_curve(whole.positive, whole.scores, drop_intermediate=True)
    return tuple((float(x), float(y)) for x, y in zip(across, up, strict=True))


def _histogram(whole: Sample) -> tuple[tuple[int, int], ...]:
    found = [
        np.histogram(whole.scores[part], bins=_HISTOGRAM_BINS, range=(0.0, 1.0))[0]
        for part in (whole.positive, ~whole.positive)
    ]
    return tuple((int(p), int(n)) for p, n in zip(*found, strict=True))


def _middle_and_slow(seconds: Sequence[float]) -> tuple[float, float]:
    if not seconds:
        return math.nan, math.nan
    middle, slow = np.percentile(seconds, (50, 95))
    return float(middle), float(slow)
