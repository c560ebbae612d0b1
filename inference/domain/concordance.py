"""How far people agree with a model in use, month by month.

Only what somebody reviewed is counted, and people choose what they review: the numbers are
of the reviewed alone, and say nothing of what nobody looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence
from inference.domain.job import ModelId
from inference.domain.proportion import Proportion
from inference.domain.review import Answer, Reviewed

_DECIDED = (Presence.PRESENT, Presence.ABSENT)


@dataclass(frozen=True, slots=True)
class Concordance:
    """Counts of Findings. reviewed = answered + contested + not_assessable + unanswered.

    `agreed` are those answered as the model said. `undetermined` are those answered where the
    model or the people say undetermined: they are in none of the four of the table, which
    counts what both decided.
    """

    reviewed: int = 0
    answered: int = 0
    agreed: int = 0
    contested: int = 0
    not_assessable: int = 0
    unanswered: int = 0
    undetermined: int = 0
    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    @property
    def agreement(self) -> Proportion:
        return Proportion(self.agreed, self.answered)

    @property
    def sensitivity(self) -> Proportion:
        return Proportion(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> Proportion:
        return Proportion(self.true_negative, self.true_negative + self.false_positive)

    @property
    def positive_predictive_value(self) -> Proportion:
        return Proportion(self.true_positive, self.true_positive + self.false_positive)

    def plus(self, found: Finding, said: Answer) -> Concordance:
        """Return these counts with one Finding more."""
        if not said.by:
            return self
        changes = {name: getattr(self, name) + 1 for name in _counts(found, said)}
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class ModelConcordance:
    """Of one output of one version. `months`: by year and month in UTC, as "2026-11"."""

    model: ModelId
    finding: Code
    total: Concordance
    months: tuple[tuple[str, Concordance], ...]


def concordance(reviewed: Iterable[Reviewed]) -> tuple[ModelConcordance, ...]:
    """Return what the reviews come to, ordered by model, version and finding.

    The month is that in which the model read: a later review changes it, not a new month.
    """
    months: dict[tuple[ModelId, Code], dict[str, Concordance]] = {}
    totals: dict[tuple[ModelId, Code], Concordance] = {}
    for each in reviewed:
        if each.result.model is None:
            continue
        month = f"{each.result.produced_at:%Y-%m}"
        for found, said in each.answers():
            if not said.by:
                continue
            key = (each.result.model, found.finding)
            totals[key] = totals.get(key, Concordance()).plus(found, said)
            of_key = months.setdefault(key, {})
            of_key[month] = of_key.get(month, Concordance()).plus(found, said)
    return tuple(
        ModelConcordance(model, finding, total, tuple(sorted(months[model, finding].items())))
        for (model, finding), total in sorted(
            totals.items(),
            key=lambda each: (each[0][0].name, each[0][0].version, each[0][1].meaning),
        )
    )


def _counts(found: Finding, said: Answer) -> list[str]:
    """Return the names of the counts that grow."""
    if said.contested:
        return ["reviewed", "contested"]
    if said.presence is None:
        return ["reviewed", "not_assessable" if said.not_assessable else "unanswered"]
    counts = ["reviewed", "answered"]
    if said.presence is found.presence:
        counts.append("agreed")
    if found.presence not in _DECIDED or said.presence not in _DECIDED:
        return [*counts, "undetermined"]
    right = "true" if said.presence is found.presence else "false"
    sign = "positive" if found.presence is Presence.PRESENT else "negative"
    return [*counts, f"{right}_{sign}"]
