from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from inference.validation import bootstrap, delong
from inference.validation.bootstrap import Ranking, draws
from inference.validation.sample import Sample
from inference.validation.sample import sample as sample_of
from tests.unit.validation.support import random_sample, record


@pytest.mark.parametrize("levels", [0, 5])
def test_the_areas_are_those_of_scikit_learn_with_weights(levels: int) -> None:
    sample = random_sample(120, 1, levels=levels)
    ranking = Ranking(sample.positive, sample.scores)
    weights = np.random.default_rng(2).integers(0, 4, (5, 120)).astype(float)
    for row, auroc, auprc in zip(
        weights, ranking.auroc(weights), ranking.auprc(weights), strict=True
    ):
        kept = row > 0  # scikit-learn counts a threshold that nobody has
        arguments = sample.positive[kept], sample.scores[kept]
        assert auroc == pytest.approx(roc_auc_score(*arguments, sample_weight=row[kept]))
        assert auprc == pytest.approx(average_precision_score(*arguments, sample_weight=row[kept]))


def test_patients_are_drawn_whole_and_both_strata_keep_their_size() -> None:
    patients = np.array([0, 0, 1, 2, 2, 3, 4])
    positive = np.array([1, 0, 1, 0, 0, 0, 0], dtype=bool)
    sample = Sample(positive, np.linspace(0, 1, 7), patients)
    (weights,) = draws(sample, 50)
    assert weights.shape == (50, 7)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 4]).all()
    # Patients 0 and 1 have a positive case; 2, 3 and 4 have none.
    assert (weights[:, 0] + weights[:, 2] == 2).all()
    assert (weights[:, 3] + weights[:, 5] + weights[:, 6] == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_draws_come_in_parts_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_CELLS", 70)
    parts = list(draws(random_sample(20), 10))
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert all((part.sum(axis=1) == 20).all() for part in parts)


def test_the_interval_is_about_that_of_delong_and_the_same_each_time() -> None:
    sample = random_sample(300, 3)
    ranking = Ranking(sample.positive, sample.scores)
    found = bootstrap.intervals(sample, {"auroc": ranking.auroc})["auroc"]
    again = bootstrap.intervals(sample, {"auroc": ranking.auroc})["auroc"]
    expected = delong.interval(sample)
    assert found == again
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_images_of_few_patients_tell_less_than_images_of_many() -> None:
    rng = np.random.default_rng(5)
    own = np.repeat(rng.normal(0, 1, 40), 5)
    positive = np.repeat(np.arange(40) % 2 == 0, 5)
    scores = own + positive
    ranking = Ranking(positive, scores)
    by_patient, by_case = (
        bootstrap.intervals(Sample(positive, scores, patients), {"auroc": ranking.auroc})["auroc"]
        for patients in (np.repeat(np.arange(40), 5), np.arange(200))
    )
    assert by_patient.high - by_patient.low > 1.5 * (by_case.high - by_case.low)


def test_cases_without_a_patient_are_each_their_own() -> None:
    records = [
        record("a", True, 0.9, patient_id="x"),
        record("b", True, 0.8, patient_id="x"),
        record("x", False, 0.1),
        record("d", False, 0.2),
        record("e", False, None),
    ]
    found = sample_of(records)
    assert len(found.scores) == 4
    assert found.patients[0] == found.patients[1]
    assert len(set(found.patients.tolist())) == 3
