from __future__ import annotations

import numpy as np
import pytest

from inference.training.augment import augment, disturb
from tests.support.models import pixels


@pytest.mark.parametrize("change", [augment, disturb])
def test_a_changed_picture_is_still_a_picture(change) -> None:  # type: ignore[no-untyped-def]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        changed = change(pixels(64, 64, 1), pixels(64, 64, 2), rng)
        assert changed.shape == (64, 64)
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
        assert changed.min() >= 0.0
        assert changed.max() <= 1.0


@pytest.mark.parametrize("change", [augment, disturb])
def test_all_chance_comes_from_the_generator(change) -> None:  # type: ignore[no-untyped-def]
    one, two, other = (
        change(pixels(64, 64, 1), pixels(64, 64, 2), np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 0.01


def test_the_picture_itself_is_left_as_it_was() -> None:
    before = pixels(64, 64, 1)
    kept = before.copy()
    for seed in range(20):
        augment(before, pixels(64, 64, 2), np.random.default_rng(seed))
    np.testing.assert_array_equal(before, kept)


def test_a_black_picture_is_no_error() -> None:
    black = np.zeros((64, 64), dtype=np.float32)
    for seed in range(40):
        assert np.isfinite(augment(black, black, np.random.default_rng(seed))).all()
