from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from inference.validation import delong
from inference.validation.bootstrap import Ranking, draws
from inference.validation.sample import Sample
from tests.unit.validation.support import random_sample


def brute_force(positive: np.ndarray, scores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The formulas of the paper, pair by pair."""
    v10, v01 = [], []
    for each in scores:
        wins = np.array(
            [[(x > y) + 0.5 * (x == y) for y in each[~positive]] for x in each[positive]]
        )
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    m, n = positive.sum(), (~positive).sum()
    return np.array([each.mean() for each in v10]), np.cov(v10) / m + np.cov(v01) / n


def test_by_hand() -> None:
    # Positives 3, 2, 1 and negatives 2, 0: wins (1, 1), (1/2, 1), (0, 1); area 4.5 / 6.
    sample = Sample(
        np.array([True, True, True, False, False]),
        np.array([3.0, 2.0, 1.0, 2.0, 0.0]),
        np.arange(5),
    )
    value, variance = delong.area(sample)
    assert value == pytest.approx(0.75)
    # V10 = 1, 3/4, 1/2: variance 1/16, over 3; V01 = 1/2, 1: variance 1/8, over 2.
    assert variance == pytest.approx(1 / 16 / 3 + 1 / 8 / 2)


@pytest.mark.parametrize("levels", [0, 7])
def test_mid_ranks_give_what_the_paper_defines(levels: int) -> None:
    one, other = random_sample(61, 1, levels=levels), random_sample(61, 2, levels=levels)
    scores = [one.scores, other.scores]
    found = delong.areas(one.positive, scores, one.patients)
    values, covariance = brute_force(one.positive, scores)
    np.testing.assert_allclose(found.values, values)
    np.testing.assert_allclose(found.covariance, covariance)
    assert found.values[0] == pytest.approx(roc_auc_score(one.positive, one.scores))


def test_cases_twice_over_do_not_halve_the_variance_of_their_patients() -> None:
    once = random_sample(80, 3)
    twice = Sample(*(np.tile(each, 2) for each in (once.positive, once.scores, once.patients)))
    naive = Sample(twice.positive, twice.scores, np.arange(160))
    assert delong.area(twice)[1] == pytest.approx(delong.area(once)[1], rel=0.02)
    assert delong.area(naive)[1] == pytest.approx(delong.area(once)[1] / 2, rel=0.05)


def test_the_clustered_variance_is_that_of_a_bootstrap_by_patient() -> None:
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(150), 3)
    positive = rng.random(450) < np.repeat(rng.random(150), 3)
    own = np.repeat(rng.normal(0, 1, 150), 3)
    sample = Sample(positive, own + positive + rng.normal(0, 0.5, 450), patients)
    ranking = Ranking(sample.positive, sample.scores)
    drawn = np.concatenate([ranking.auroc(weights) for weights in draws(sample, 1000)])
    assert math.sqrt(delong.area(sample)[1]) == pytest.approx(drawn.std(), rel=0.15)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    truth = norm.cdf(1.5 / math.sqrt(2))
    found = [delong.interval(random_sample(80, seed)) for seed in range(300)]
    assert 0.92 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.98


def test_a_perfect_area_has_no_interval() -> None:
    sample = Sample(np.array([True, False]), np.array([0.9, 0.1]), np.arange(2))
    found = delong.interval(sample)
    assert found.value == 1
    assert math.isnan(found.low)


def test_the_paired_difference_by_the_covariance() -> None:
    one, other = random_sample(100, 5, gap=0.8), random_sample(100, 6, gap=2.0)
    values, covariance = brute_force(one.positive, [one.scores, other.scores])
    found, p = delong.paired(one.positive, one.scores, other.scores, one.patients)
    spread = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.value == pytest.approx(values[1] - values[0])
    assert found.high - found.value == pytest.approx(1.959964 * spread)
    assert p == pytest.approx(2 * norm.sf(abs(found.value) / spread))


def test_a_result_does_not_differ_from_itself() -> None:
    one = random_sample(50, 7)
    found, p = delong.paired(one.positive, one.scores, one.scores, one.patients)
    assert (found.value, found.low, found.high, p) == (0, 0, 0, 1)


def test_chance_is_found_different_as_seldom_as_it_should() -> None:
    found = []
    for seed in range(300):
        one, other = random_sample(80, seed), random_sample(80, 1000 + seed)
        found.append(delong.paired(one.positive, one.scores, other.scores, one.patients)[1])
    assert np.mean(np.array(found) < 0.05) < 0.1
