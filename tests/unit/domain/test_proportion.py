"""Shares with Wilson's interval, against published and computed values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from inference.domain.proportion import Proportion


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_bounds_are_those_of_scipy(counts: tuple[int, int]) -> None:
    share = Proportion(*counts)
    expected = binomtest(*counts).proportion_ci(method="wilson")
    assert share.bounds is not None
    assert share.value is not None
    assert share.bounds == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert share.bounds[0] <= share.value <= share.bounds[1]


def test_of_nothing() -> None:
    assert Proportion(0, 0).value is None
    assert Proportion(0, 0).bounds is None
