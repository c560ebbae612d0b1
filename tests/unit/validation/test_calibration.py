from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from inference.validation.calibration import Calibration
from inference.validation.sample import Sample
from tests.unit.validation.support import random_sample

ONCE = np.ones((1, 5))
SAMPLE = Sample(
    np.array([True, False, True, True, False]),
    np.array([0.92, 0.98, 1.0, 0.35, 0.0]),
    np.arange(5),
)


def test_by_hand() -> None:
    calibration = Calibration(SAMPLE)
    # Bins: three of mean 0.9667 with 2 of 3; one of 0.35 with 1 of 1; one of 0 with none.
    expected = (3 * (2.9 / 3 - 2 / 3) + (1 - 0.35) + 0) / 5
    assert calibration.ece(ONCE)[0] == pytest.approx(expected)
    assert calibration.brier(ONCE)[0] == pytest.approx((0.08**2 + 0.98**2 + 0 + 0.65**2 + 0) / 5)


def test_the_curve_has_every_bin_and_one_belongs_to_the_last() -> None:
    curve = Calibration(SAMPLE).curve()
    assert len(curve) == 10
    assert [each.observed.of for each in curve] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 3]
    assert curve[9].certainty == pytest.approx(2.9 / 3)
    assert curve[9].observed.value == pytest.approx(2 / 3)
    assert math.isnan(curve[1].certainty)


def test_weights_count_cases() -> None:
    weights = np.array([[2.0, 0.0, 1.0, 1.0, 1.0]])
    drawn = np.array([0, 0, 2, 3, 4])
    same = Calibration(Sample(SAMPLE.positive[drawn], SAMPLE.scores[drawn], np.arange(5)))
    assert Calibration(SAMPLE).ece(weights)[0] == pytest.approx(same.ece(ONCE)[0])
    assert Calibration(SAMPLE).brier(weights)[0] == pytest.approx(same.brier(ONCE)[0])


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    sample = random_sample(99)
    found = Calibration(sample).brier(np.ones((1, 99)))[0]
    assert found == pytest.approx(brier_score_loss(sample.positive, sample.scores))
