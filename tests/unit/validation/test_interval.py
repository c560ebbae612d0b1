from __future__ import annotations

import math

import numpy as np
import pytest

from inference.validation.interval import percentiles, wilson


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    hits: int, total: int, low: float, high: float
) -> None:
    found = wilson(hits, total)
    assert found.value == pytest.approx(hits / total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.of == total


def test_a_share_of_nothing_is_not_known() -> None:
    assert math.isnan(wilson(0, 0).value)


def test_all_of_all_ends_at_one() -> None:
    assert wilson(20, 20).high == 1.0


def test_percentiles_leave_out_what_no_draw_could_tell() -> None:
    drawn = np.array([*range(101), math.nan], dtype=float)
    found = percentiles(50.0, drawn, 7)
    assert (found.low, found.high) == (2.5, 97.5)
    assert math.isnan(percentiles(math.nan, drawn, 7).low)
