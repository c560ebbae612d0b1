"""The four counts at a threshold, and the shares that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from inference.validation.interval import Interval, wilson
from inference.validation.sample import Sample


@dataclass(frozen=True, slots=True)
class Confusion:
    """A certainty at or above the threshold calls a case positive, as in serving."""

    threshold: float
    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def sensitivity(self) -> Interval:
        return wilson(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> Interval:
        return wilson(self.true_negative, self.true_negative + self.false_positive)

    @property
    def ppv(self) -> Interval:
        return wilson(self.true_positive, self.true_positive + self.false_positive)

    @property
    def npv(self) -> Interval:
        return wilson(self.true_negative, self.true_negative + self.false_negative)

    @property
    def accuracy(self) -> Interval:
        right = self.true_positive + self.true_negative
        return wilson(right, right + self.false_positive + self.false_negative)


def confusion(sample: Sample, threshold: float) -> Confusion:
    called, truth = sample.scores >= threshold, sample.positive
    return Confusion(
        threshold=threshold,
        true_positive=int((called & truth).sum()),
        false_negative=int((~called & truth).sum()),
        false_positive=int((called & ~truth).sum()),
        true_negative=int((~called & ~truth).sum()),
    )
