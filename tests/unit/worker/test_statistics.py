"""What drift is told of what a model was shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.domain.manifest import Manifest, Scope
from inference.fakes.models import fake_manifest
from inference.ports import Assessment, Picture
from inference.worker.statistics import statistics_of


@pytest.fixture
def manifest() -> Manifest:
    return fake_manifest()


def told(manifest: Manifest, greys: list[float], *, explain: bool) -> dict[str, list[float]]:
    pictures = [Picture(np.full((32, 32), grey, np.float32)) for grey in greys]
    answers = [Assessment({"finding": grey}, {}) for grey in greys]
    return statistics_of(manifest, pictures, answers, explain=explain)


def test_of_images_that_are_read_for_themselves_each_counts(manifest: Manifest) -> None:
    found = told(manifest, [0.25, 0.5], explain=True)
    assert found == {
        "brightness": [0.25, 0.5],
        "contrast": [0, 0],
        "certainty of finding": [0.25, 0.5],
    }


def test_of_a_series_one_slice_counts_and_once(manifest: Manifest) -> None:
    series = replace(manifest, reads=Scope.SERIES)
    found = told(series, [0.0, 0.25, 0.5, 0.75, 1.0], explain=False)
    assert found == {"brightness": [0.5], "contrast": [0], "certainty of finding": [0.5]}
    assert told(series, [0.75, 1.0], explain=True) == {}


def test_hundreds_of_pictures_at_once_are_sixteen(manifest: Manifest) -> None:
    found = told(manifest, [0.5] * 300, explain=False)
    assert len(found["brightness"]) == 16
