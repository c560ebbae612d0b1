from __future__ import annotations

import math

import numpy as np
import pytest

from inference.training.evaluate import (
    auroc_interval,
    choose_temperature,
    choose_threshold,
    performance,
    wilson,
)


def test_wilson_agrees_with_published_numbers() -> None:
    # Newcombe 1998, table I: 81 of 263, method 3.
    interval = wilson(81, 263)
    assert interval.value == pytest.approx(0.3080, abs=5e-5)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_stays_within_0_and_1() -> None:
    assert wilson(0, 20).low == 0.0
    assert wilson(20, 20).high == 1.0
    assert wilson(20, 20).low < 1.0
    nothing = wilson(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


def test_the_auroc_lies_within_its_interval() -> None:
    rng = np.random.default_rng(0)
    targets = np.repeat([0.0, 1.0], 100)
    scores = rng.normal(targets, 1)
    interval = auroc_interval(targets, scores)
    assert interval.low < interval.value < interval.high
    assert interval == auroc_interval(targets, scores)
    # Hanley and McNeil's standard error is near 0.03 here.
    assert 0.08 < interval.high - interval.low < 0.17


def test_the_threshold_reaches_the_sensitivity_and_no_more() -> None:
    targets = np.array([1.0] * 20 + [0.0] * 20)
    scores = np.concatenate([np.linspace(0.3, 0.9, 20), np.linspace(0.0, 0.6, 20)])
    threshold = choose_threshold(targets, scores, 0.95)
    assert (scores[:20] >= threshold).sum() == 19
    assert not np.isin(threshold, scores)


def test_the_temperature_finds_overconfidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    targets = (rng.random(4000) < 1 / (1 + np.exp(-logits))).astype(float)
    assert choose_temperature(targets, logits * 3) == pytest.approx(3, rel=0.1)


def test_performance_counts_images_patients_and_subtypes() -> None:
    targets = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    scores = np.array([0.9, 0.5, 0.2, 0.1, 0.7])
    measured = performance(
        targets, scores, 0.5, ["a", "a", "b", "c", "d"], ["virus", "bacteria", "virus", "", ""]
    )
    assert (measured.images, measured.positive, measured.patients) == (5, 3, 4)
    assert measured.sensitivity.value == pytest.approx(2 / 3)  # a score at the threshold counts
    assert measured.specificity.value == 0.5
    assert measured.sensitivity_of["virus"].value == 0.5
    assert measured.sensitivity_of["bacteria"].of == 1
