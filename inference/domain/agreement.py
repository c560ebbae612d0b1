"""How often two versions of a model say the same of the same Studies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inference.domain.code import Code
from inference.domain.finding import Finding
from inference.domain.result import Outcome, Result


@dataclass(frozen=True, slots=True)
class Pair:
    """Both certainties of one finding on one Study, each that of its surest image."""

    study_instance_uid: str
    shown: float
    shadow: float
    shown_above: bool  # at or above its own threshold, in any image
    shadow_above: bool

    @property
    def agrees(self) -> bool:
        return self.shown_above == self.shadow_above

    @property
    def difference(self) -> float:
        return self.shadow - self.shown


@dataclass(frozen=True, slots=True)
class Agreement:
    """On one finding. `pairs`: those furthest apart in front.

    It is the thresholds that are compared, not the presences: outside of the population
    both versions leave the presence undetermined, and would always agree.
    """

    finding: Code
    pairs: tuple[Pair, ...]

    def count(self, *, shown: bool, shadow: bool) -> int:
        return sum((each.shown_above, each.shadow_above) == (shown, shadow) for each in self.pairs)

    @property
    def share(self) -> float:
        """Return the share of Studies on which both say the same, 0 to 1."""
        return sum(each.agrees for each in self.pairs) / len(self.pairs)

    @property
    def mean_difference(self) -> float:
        return sum(abs(each.difference) for each in self.pairs) / len(self.pairs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A version in shadow beside the version `shown`, whose answers were delivered.

    Counts are of Studies, each in its newest revision that both have read. `failed` are those
    on which the version in shadow broke.
    """

    shown: str
    studies: int
    both_assessed: int
    only_shown_assessed: int
    only_shadow_assessed: int
    failed: int
    agreements: tuple[Agreement, ...]


def compare(results: Iterable[tuple[Result, Result]]) -> tuple[Comparison, ...]:
    """Compare pairs of what was shown and what was said in shadow, the newest in front.

    Return one Comparison for each version that was shown, the one with most Studies first.
    """
    newest: dict[str, tuple[Result, Result]] = {}
    for shown, shadow in results:
        newest.setdefault(shown.study_instance_uid, (shown, shadow))
    versions: dict[str, list[tuple[Result, Result]]] = {}
    for shown, shadow in newest.values():
        if shown.model is not None:
            versions.setdefault(shown.model.version, []).append((shown, shadow))
    compared = [_compare(version, pairs) for version, pairs in versions.items()]
    return tuple(sorted(compared, key=lambda each: -each.studies))


def _compare(version: str, results: list[tuple[Result, Result]]) -> Comparison:
    assessed = [
        (shown.outcome is Outcome.ASSESSED, shadow.outcome is Outcome.ASSESSED)
        for shown, shadow in results
    ]
    pairs: dict[Code, list[Pair]] = {}
    for shown, shadow in results:
        first, second = _surest(shown.findings), _surest(shadow.findings)
        for code in first.keys() & second.keys():
            pairs.setdefault(code, []).append(
                Pair(shown.study_instance_uid, *_values(first[code], second[code]))
            )
    return Comparison(
        shown=version,
        studies=len(results),
        both_assessed=assessed.count((True, True)),
        only_shown_assessed=assessed.count((True, False)),
        only_shadow_assessed=assessed.count((False, True)),
        failed=sum(shadow.failed for _, shadow in results),
        agreements=tuple(
            Agreement(code, tuple(sorted(found, key=lambda each: -abs(each.difference))))
            for code, found in sorted(pairs.items(), key=lambda item: item[0].meaning)
        ),
    )


def _surest(findings: Iterable[Finding]) -> dict[Code, Finding]:
    surest: dict[Code, Finding] = {}
    for each in findings:
        if each.finding not in surest or each.certainty > surest[each.finding].certainty:
            surest[each.finding] = each
    return surest


def _values(shown: Finding, shadow: Finding) -> tuple[float, float, bool, bool]:
    return (
        shown.certainty,
        shadow.certainty,
        shown.certainty >= shown.threshold,
        shadow.certainty >= shadow.threshold,
    )
