from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from inference.training.series_measure import (
    auroc_by_patient,
    bins,
    by_patient,
    measure,
    pairs_within,
)

TARGETS = np.array([1.0, 1, 1, 0, 0, 0, 0, 1])
PATIENTS = np.array(["a", "a", "b", "b", "c", "c", "d", "e"])
SCORES = np.array([[0.9, 0.8, 0.2, 0.1, 0.3, 0.1, 0.4, 0.95], [0.7, 0.6, 0.9, 0.8, 0.1, 0, 0, 1]])


def test_the_auroc_is_the_mean_of_the_repeats_and_patients_are_drawn() -> None:
    found = auroc_by_patient(TARGETS, SCORES, PATIENTS)
    assert found.value == pytest.approx(np.mean([roc_auc_score(TARGETS, row) for row in SCORES]))
    assert found.low <= found.value <= found.high
    assert found == auroc_by_patient(TARGETS, SCORES, PATIENTS)

    rng = np.random.default_rng(1)
    truth = np.tile([0.0, 1.0], 30)
    scores = (truth + rng.normal(0, 1, 60))[None]
    alone = auroc_by_patient(truth, scores, np.arange(60).astype(str))
    ten_times = auroc_by_patient(
        np.repeat(truth, 10),
        np.repeat(scores, 10, axis=1),
        np.repeat(np.arange(60), 10).astype(str),
    )
    # More slices of the same patients do not make it any surer.
    assert ten_times.high - ten_times.low == pytest.approx(alone.high - alone.low)


def test_a_unit_is_called_by_its_mean() -> None:
    found = measure(TARGETS, SCORES, PATIENTS, 0.5)
    assert (found.units, found.positive, found.patients) == (8, 4, 5)
    assert (found.sensitivity.value, found.specificity.value) == (1.0, 1.0)
    assert found.auroc_of_repeats == (0.875, 0.875)
    assert found.brier == pytest.approx(np.mean((SCORES - TARGETS) ** 2))


def test_slices_of_a_patient_with_one_label_are_pooled() -> None:
    targets, pooled, patients = by_patient(TARGETS, SCORES, PATIENTS, median)
    assert list(patients) == ["a", "b", "b", "c", "d", "e"]
    assert list(targets) == [1, 0, 1, 0, 0, 1]
    assert pooled[0] == pytest.approx([0.85, 0.1, 0.2, 0.2, 0.4, 0.95])


def test_pairs_are_within_patients() -> None:
    assert pairs_within(TARGETS, SCORES, PATIENTS) == (1, 1, 1)


def test_bins_hold_every_slice_once() -> None:
    found = bins(TARGETS, SCORES)
    assert sum(each.slices for each in found) == 8
    assert sum(each.positive for each in found) == 4
    assert all(each.low <= each.mean <= each.high for each in found)
