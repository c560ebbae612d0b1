"""Values of a frame, each worked on once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dicom_node.pixels.levels import Levels

SHARES = (0.0, 0.5, 1.0, 37.0, 50.0, 99.0, 99.5, 100.0)
INTEGERS = st.sampled_from(["u1", "i1", "<u2", "<i2", ">i2", "<u4", "<i8"])


def frames() -> st.SearchStrategy[NDArray[Any]]:
    """Few values, and values all over the range, which are more than there are pixels."""
    shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
    return INTEGERS.flatmap(
        lambda kind: st.one_of(
            arrays(kind, shapes),
            arrays(kind, shapes, elements=st.integers(100, 120)),
            arrays("<f4", shapes, elements=st.floats(-9, 9, width=32)),
        )
    )


@given(frames(), st.randoms(use_true_random=False), st.sampled_from([1.0, -2.5, 0.1]))
def test_what_is_told_of_levels_holds_for_the_pixels(
    stored: NDArray[Any], chance: Any, slope: float
) -> None:
    padding = np.array([chance.random() < 0.3 for _ in range(stored.size)]).reshape(stored.shape)
    levels = Levels(stored, padding)
    whole = stored.astype(np.float64) * slope
    content = whole if padding.all() else whole[~padding]
    mapped = levels.values * slope
    assert np.array_equal(levels.image(mapped), whole)
    assert levels.extremes(mapped) == (content.min(), content.max())
    assert levels.percentiles(mapped, SHARES) == tuple(np.percentile(content, SHARES))


@pytest.mark.parametrize("kind", ["u1", "<u2", "<i2", ">u2"])
def test_there_are_no_more_of_them_than_values(kind: str) -> None:
    stored = np.arange(100, 116, dtype=kind).repeat(64).reshape(32, 32)
    levels = Levels(stored)
    assert levels.values.tolist() == list(range(100, 116))
    assert levels.image(np.arange(16, dtype=np.uint8)).dtype == np.uint8


def test_a_table_has_any_order() -> None:
    levels = Levels(np.array([[0, 1, 2, 2]] * 4))
    table = np.array([5.0, 9.0, 1.0])
    assert levels.image(table).tolist() == [[5, 9, 1, 1]] * 4
    assert levels.percentiles(table, (0, 50, 100)) == (1, 3, 9)
