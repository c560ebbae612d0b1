from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.models.preprocessing import prepare, resize, standardise
from inference.ports import Picture
from tests.support.models import picture, pixels


@pytest.mark.parametrize(("rows", "columns"), [(90, 120), (2000, 31), (192, 192), (1, 1)])
def test_any_shape_becomes_a_square_of_three_equal_channels(rows: int, columns: int) -> None:
    prepared = prepare(picture(rows, columns), 192)
    assert prepared.shape == (3, 192, 192)
    assert prepared.dtype == torch.float32
    assert torch.isfinite(prepared).all()
    assert torch.equal(prepared[0], prepared[2])


def test_the_same_picture_gives_the_same_numbers() -> None:
    assert torch.equal(prepare(picture(), 64), prepare(picture(), 64))


def test_mean_and_spread_are_fixed() -> None:
    standard = standardise(pixels(100, 100))
    assert abs(float(standard.mean())) < 1e-3
    assert abs(float(standard.std()) - 0.5) < 1e-2


def test_another_window_changes_nothing() -> None:
    grey = pixels(100, 100)
    np.testing.assert_allclose(standardise(grey * 0.4 + 0.3), standardise(grey), atol=1e-4)


def test_a_flat_picture_is_nothing_but_zero() -> None:
    assert not standardise(np.full((50, 50), 0.7, dtype=np.float32)).any()


def test_small_bright_text_hardly_moves_the_rest() -> None:
    grey = pixels(200, 200) * 0.6
    written = grey.copy()
    written[:10, :30] = 1.0
    difference = np.abs(standardise(written) - standardise(grey))[20:]
    assert difference.max() < 0.1


def test_padding_counts_in_no_statistic() -> None:
    grey = pixels(100, 100)
    padded = np.pad(grey, ((0, 0), (0, 60)))
    padding = np.zeros(padded.shape, dtype=bool)
    padding[:, 100:] = True
    standard = standardise(padded, padding)
    np.testing.assert_allclose(standard[:, :100], standardise(grey), atol=1e-6)
    assert standard[:, 100:].max() == standard[:, 100:].min() <= standard[:, :100].min()


def test_padding_reaches_the_network_as_black() -> None:
    grey = pixels(128, 128) * np.float32(0.5) + np.float32(0.5)
    padding = np.zeros(grey.shape, dtype=bool)
    padding[:, 64:] = True
    grey[padding] = 0
    prepared = prepare(Picture(grey, padding), 64)
    assert float(prepared[0, :, 40:].max()) <= float(prepared[0, :, :24].min())


def test_all_padding_is_flat() -> None:
    grey = np.zeros((40, 40), dtype=np.float32)
    assert not prepare(Picture(grey, np.ones(grey.shape, dtype=bool)), 32).any()


def test_resizing_is_antialiased() -> None:
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (512, 256))
    small = resize(stripes, 64)
    assert abs(small[8:-8, 8:-8] - 0.5).max() < 0.05
