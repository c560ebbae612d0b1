from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from rich.progress import Progress
from sklearn.linear_model import LogisticRegression

from inference.training.series_folds import _divide, choose, fit, learned, out_of_fold


@dataclass(frozen=True)
class Plan:
    seed: int = 3
    strengths: tuple[float, ...] = (0.01, 1.0)
    repeats: int = 2
    folds: int = 3
    inner_folds: int = 2


RNG = np.random.default_rng(0)
PATIENTS = np.array([f"p{index // 2}" for index in range(40)])
TARGETS = ((np.arange(40) // 2) % 2).astype(float)
GOOD = (TARGETS[None, :, None] + RNG.normal(0, 0.3, (2, 40, 3))).astype(float)
NOISE = RNG.normal(0, 1, (2, 40, 3))


def test_no_patient_is_on_both_sides_and_all_are_asked() -> None:
    parts = _divide(TARGETS, PATIENTS, 4, 7)
    assert sorted(np.concatenate([ask for _, ask in parts])) == list(range(40))
    for learn, ask in parts:
        assert not set(PATIENTS[learn]) & set(PATIENTS[ask])
        assert set(TARGETS[learn]) == {0.0, 1.0}


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(ValueError, match="too few patients"):
        _divide(np.array([0.0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), 2, 0)


def test_the_inner_folds_choose_what_tells() -> None:
    candidates = {(1, 0): NOISE, (2, 5): GOOD}
    assert choose(candidates, TARGETS, PATIENTS, Plan(), range(2)).key == (2, 5)


def test_what_says_nothing_scores_as_chance_does() -> None:
    """With the patient's own slices learned from, noise would tell the label."""
    many = RNG.normal(0, 1, (1, 20, 200)).repeat(2, axis=1)
    logits, chosen = out_of_fold(
        {(0, 0): many}, TARGETS, PATIENTS, Plan(strengths=(100.0,)), Progress(disable=True)
    )
    right = ((logits > 0) == (TARGETS == 1)).mean()
    assert logits.shape == (1, 2, 40)
    assert len(chosen) == 6
    assert right < 0.8


def test_a_line_is_the_same_whether_features_are_fewer_than_rows_or_more() -> None:
    for features in (GOOD[:1], RNG.normal(0, 1, (1, 40, 90))):
        rows = features[0]
        standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        regression = LogisticRegression(
            C=0.5, class_weight="balanced", solver="newton-cholesky", tol=1e-8
        )
        expected = regression.fit(standard, TARGETS).decision_function(standard)
        assert fit(features, TARGETS, 0.5).logits(rows) == pytest.approx(expected, abs=1e-4)


def test_views_of_a_slice_count_as_one_and_the_slice_as_it_is_is_not_learned() -> None:
    once, twice = fit(GOOD[:1], TARGETS, 1.0), fit(GOOD[[0, 0]], TARGETS, 1.0)
    assert twice.weights == pytest.approx(once.weights, abs=1e-5)
    assert (learned(GOOD) == GOOD[1:]).all()
    assert (learned(GOOD[:1]) == GOOD[:1]).all()
