from __future__ import annotations

import math

import numpy as np
import pytest

from inference.validation.group import age_group, factors, holm
from inference.validation.permutation import auroc_differs, share_differs
from inference.validation.record import Record
from inference.validation.sample import Sample
from tests.unit.validation.support import random_sample, record


def records(count: int = 200, blind: str = "", **columns: object) -> list[Record]:
    """Good answers, but for the sex `blind`, on which the answer is chance."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(count):
        positive, sex = index % 2 == 0, "F" if index % 4 < 2 else "M"
        score = rng.random() if sex == blind else 0.3 + 0.4 * positive + 0.4 * (rng.random() - 0.5)
        found.append(record(f"{index}", positive, float(score), sex=sex, **columns))
    return found


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    found = holm([math.nan, 0.02])
    assert math.isnan(found[0])
    assert found[1] == 0.02


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (None, "unknown"),
        (0.5, "under 1"),
        (1.0, "1 to 5"),
        (5.9, "1 to 5"),
        (6.0, "6 to 17"),
        (18.0, "18 to 39"),
        (64.9, "40 to 64"),
        (65.0, "65 and over"),
    ],
)
def test_age_groups(age: float | None, group: str) -> None:
    assert age_group(record("a", True, 0.5, age=age)) == group


def test_a_group_on_which_the_model_is_blind_is_found() -> None:
    (sex,) = (each for each in factors(records(blind="M"), 0.5) if each.name == "sex")
    assert [(each.name, each.cases, each.positive) for each in sex.groups] == [
        ("F", 100, 50),
        ("M", 100, 50),
    ]
    assert sex.groups[0].auroc.value > 0.95
    assert sex.groups[1].auroc.low < 0.5 < sex.groups[1].auroc.high
    assert [test.measure for test in sex.tests] == ["auroc", "sensitivity", "specificity"]
    assert all(test.adjusted < 0.01 for test in sex.tests)
    assert all(test.groups == ("F", "M") for test in sex.tests)


def test_no_difference_is_made_up() -> None:
    (sex,) = (each for each in factors(records(), 0.5) if each.name == "sex")
    assert all(test.adjusted > 0.05 for test in sex.tests)


def test_what_rests_on_few_cases_is_not_shown_and_not_tested() -> None:
    cases = [*records(100), *(record(f"x{i}", i == 0, 0.5, sex="O") for i in range(12))]
    (sex,) = (each for each in factors(cases, 0.5) if each.name == "sex")
    other = next(each for each in sex.groups if each.name == "O")
    assert (other.cases, other.positive) == (12, 1)
    assert math.isnan(other.auroc.value)
    assert math.isnan(other.sensitivity.value)
    assert other.specificity.of == 11
    by_measure = {test.measure: test.groups for test in sex.tests}
    assert by_measure["auroc"] == ("F", "M")
    assert by_measure["specificity"] == ("F", "M", "O")


def test_unknown_stands_last_and_takes_no_part_in_a_test() -> None:
    cases = [*records(80), *(record(f"x{i}", i % 2 == 0, 0.5) for i in range(40))]
    (sex,) = (each for each in factors(cases, 0.5) if each.name == "sex")
    assert [each.name for each in sex.groups] == ["F", "M", "unknown"]
    assert sex.tests[0].groups == ("F", "M")


def test_a_factor_that_no_case_tells_has_no_groups() -> None:
    found = {each.name: each for each in factors(records(), 0.5)}
    assert found["manufacturer"].groups == ()
    assert set(found) == {"age", "sex", "view", "manufacturer", "source"}
    assert factors([], 0.5)[0].groups == ()


def test_groups_without_a_single_error_can_be_compared() -> None:
    positive = np.arange(80) % 2 == 0
    groups = np.repeat([0, 1], 40)
    scores = np.where(positive, 0.9, 0.1)
    sample = Sample(positive, scores, np.arange(80))
    assert auroc_differs(sample, groups) == 1.0
    assert share_differs(sample, groups, np.ones(80, dtype=bool)) == 1.0
    assert math.isnan(auroc_differs(sample, np.zeros(80, dtype=int)))


def test_chance_is_found_different_as_seldom_as_it_should() -> None:
    groups = np.arange(60) // 2 % 3
    found = [auroc_differs(random_sample(60, seed), groups) for seed in range(100)]
    assert np.mean(np.array(found) < 0.05) <= 0.12
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_many_images_of_few_patients_are_no_proof() -> None:
    # Two patients of each group answer otherwise than the rest, on each of their ten images.
    patients = np.repeat(np.arange(12), 10)
    groups = (patients >= 6).astype(int)
    right = ~np.isin(patients, (0, 1, 2))
    everybody = np.ones(120, dtype=bool)
    together = share_differs(Sample(everybody, np.ones(120), patients), groups, right)
    apart = share_differs(Sample(everybody, np.ones(120), np.arange(120)), groups, right)
    assert apart < 0.001
    assert together > 0.1


def test_two_views_of_one_chest_are_dealt_case_by_case() -> None:
    sample = random_sample(120, 1)
    paired = Sample(sample.positive, sample.scores, np.arange(120) // 4)
    views = np.arange(120) // 2 % 2
    assert 0 < auroc_differs(paired, views) <= 1
