from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.models.preprocessing import prepare, prepare_by, resize, standardise
from inference.models.recipe import Intensity, Recipe, Resize
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


def test_without_a_key_a_recipe_prepares_as_ever() -> None:
    assert torch.equal(prepare_by(Recipe(size=64), picture()), prepare(picture(), 64))


def test_unit_keeps_the_grey_values() -> None:
    one = picture(90, 120)
    as_it_is = Recipe(intensity=Intensity.UNIT, channels=1, resize=Resize.NONE)
    np.testing.assert_array_equal(prepare_by(as_it_is, one)[0].numpy(), one.pixels)
    squashed = prepare_by(Recipe(size=64, intensity=Intensity.UNIT), one)
    assert squashed.shape == (3, 64, 64)
    np.testing.assert_array_equal(squashed[1].numpy(), resize(one.pixels, 64))


def test_mean_and_std_are_of_each_channel() -> None:
    one = picture(64, 64)
    recipe = Recipe(size=64, intensity=Intensity.UNIT, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    prepared = prepare_by(recipe, one).numpy()
    np.testing.assert_allclose(prepared[2], (one.pixels - 0.3) / 4, atol=1e-6)


def test_with_unit_padding_is_black() -> None:
    grey = np.ones((64, 64), dtype=np.float32)
    padding = np.zeros(grey.shape, dtype=bool)
    padding[:, 40:] = True
    recipe = Recipe(intensity=Intensity.UNIT, channels=1, resize=Resize.NONE)
    prepared = prepare_by(recipe, Picture(grey, padding))[0]
    assert not prepared[:, 40:].any()
    assert (prepared[:, :40] == 1).all()
