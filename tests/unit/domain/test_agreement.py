from __future__ import annotations

from dataclasses import replace

import pytest

from inference.domain.agreement import compare
from inference.domain.job import ModelId
from inference.domain.result import Outcome, Result
from tests.contracts.repositories import make_failure, make_result

NEW = ModelId("chest", "2")


def result(study: str, *certainties: float, version: str = "1", revision: int = 1) -> Result:
    made = make_result(study_instance_uid=study, model=ModelId("chest", version), revision=revision)
    (finding,) = made.findings
    return replace(
        made,
        outcome=Outcome.ASSESSED if certainties else Outcome.NOT_ASSESSED,
        findings=tuple(replace(finding, certainty=each) for each in certainties),
    )


def pair(study: str, shown: float, shadow: float, **changes: object) -> tuple[Result, Result]:
    return result(study, shown, **changes), result(study, shadow, version="2", **changes)  # type: ignore[arg-type]


def test_thresholds_are_compared_and_the_furthest_apart_come_first() -> None:
    (found,) = compare([pair("1", 0.9, 0.8), pair("2", 0.4, 0.6), pair("3", 0.5, 0.1)])
    assert (found.shown, found.studies, found.both_assessed) == ("1", 3, 3)
    (agreement,) = found.agreements
    assert agreement.count(shown=True, shadow=True) == 1
    assert agreement.count(shown=False, shadow=True) == 1
    assert agreement.count(shown=True, shadow=False) == 1
    assert agreement.share == pytest.approx(1 / 3)
    assert agreement.mean_difference == pytest.approx((0.1 + 0.2 + 0.4) / 3)
    assert [each.study_instance_uid for each in agreement.pairs] == ["3", "2", "1"]


def test_of_a_study_its_surest_image_in_its_newest_revision_counts() -> None:
    newest = result("1", 0.2, 0.7, revision=2), result("1", 0.6, 0.1, version="2", revision=2)
    (found,) = compare([newest, pair("1", 0.1, 0.9)])
    (only,) = found.agreements[0].pairs
    assert (only.shown, only.shadow, only.agrees) == (0.7, 0.6, True)


def test_what_one_did_not_assess_is_counted_apart() -> None:
    broken = make_failure(study_instance_uid="3", model=NEW)
    (found,) = compare(
        [
            (result("1", 0.5), result("1", version="2")),
            (result("2"), result("2", 0.5, version="2")),
            (result("3", 0.5), broken),
            pair("4", 0.5, 0.5),
        ]
    )
    assert (found.studies, found.both_assessed, found.failed) == (4, 1, 1)
    assert (found.only_shown_assessed, found.only_shadow_assessed) == (2, 1)
    assert len(found.agreements[0].pairs) == 1


def test_each_version_that_was_shown_is_compared_for_itself() -> None:
    canary = result("1", 0.5, version="3"), result("1", 0.5, version="2")
    found = compare([canary, pair("2", 0.5, 0.5), pair("3", 0.5, 0.5)])
    assert [(each.shown, each.studies) for each in found] == [("1", 2), ("3", 1)]
    assert compare([]) == ()
