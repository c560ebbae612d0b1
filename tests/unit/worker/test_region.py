"""Regions from heat maps."""

from __future__ import annotations

import numpy as np

from inference.worker.region import hottest, whole_image


def test_the_largest_hot_area_is_outlined_in_pixel_coordinates() -> None:
    heat = np.zeros((100, 200), np.float32)
    heat[20:40, 150:190] = 0.9
    heat[80:84, 10:14] = 1.0
    region = hottest(heat)
    assert not region.whole_image
    columns, rows = zip(*region.points, strict=True)
    assert (min(columns), max(columns)) == (150.0, 189.0)
    assert (min(rows), max(rows)) == (20.0, 39.0)


def test_a_flat_or_empty_map_gives_the_outline_of_the_image() -> None:
    for value in (0.0, 0.7):
        region = hottest(np.full((64, 32), value, np.float32))
        assert region == whole_image(64, 32)
    assert whole_image(64, 32).points == ((0.0, 0.0), (31.0, 0.0), (31.0, 63.0), (0.0, 63.0))


def test_a_single_hot_pixel_still_is_a_polygon() -> None:
    heat = np.zeros((50, 50), np.float32)
    heat[10, 12] = 1.0
    assert len(hottest(heat).points) >= 3


def test_a_ragged_area_has_a_bounded_number_of_points() -> None:
    heat = np.random.default_rng(1).random((400, 400)).astype(np.float32)
    heat[100:300, 100:300] += 0.6
    assert 3 <= len(hottest(heat).points) <= 64
