"""Slices in space: their order, what each stands for, and what is missing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.domain.geometry import Plane, stack
from inference.domain.pooling import Pooling, pool

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))


def axial(height: float) -> Plane:
    return Plane((10.0, -20.0, height), *AXIAL)


@given(st.permutations(list(range(8))))
def test_the_order_is_that_of_space_whatever_the_order_of_arrival(heights: list[int]) -> None:
    found = stack([axial(2.5 * each) for each in heights])
    assert [heights[index] for index in found.order] == sorted(heights)
    assert found.thickness_mm == pytest.approx([2.5] * 8)
    assert not found.has_gaps


def test_oblique_slices_are_as_far_apart_as_their_planes_are() -> None:
    tilt = math.radians(20)
    cosines = ((1.0, 0.0, 0.0), (0.0, math.cos(tilt), math.sin(tilt)))
    found = stack([Plane((0.0, 0.0, 5.0 * each), *cosines) for each in range(4)])
    assert found.thickness_mm == pytest.approx([5.0 * math.cos(tilt)] * 4)


def test_what_lies_in_another_direction_is_left_out() -> None:
    localizer = Plane((0.0, 0.0, 0.0), *CORONAL)
    found = stack([localizer, axial(5), axial(0), None])
    assert found.order == (2, 1)


def test_a_missing_slice_is_noticed() -> None:
    assert stack([axial(each) for each in (0, 5, 10, 20, 25)]).has_gaps
    assert not stack([axial(each) for each in (0, 5, 10.5, 15, 20)]).has_gaps
    assert not stack([axial(0), axial(50)]).has_gaps  # two tell nothing of a usual distance


def test_slices_at_one_place_stand_for_it_together() -> None:
    found = stack([axial(each) for each in (0, 0, 5, 5, 10, 10)])
    assert sum(found.thickness_mm[2:4]) == pytest.approx(5)


def test_without_planes_the_order_stays_and_no_length_is_known() -> None:
    found = stack([None, None, None])
    assert found.order == (0, 1, 2)
    assert found.thickness_mm == ()
    assert stack([]).order == ()


@pytest.mark.parametrize(
    ("pooling", "certainty"),
    [(Pooling.MEAN, 0.5), (Pooling.MEDIAN, 0.4), (Pooling.MAXIMUM, 0.9)],
)
def test_pooling(pooling: Pooling, certainty: float) -> None:
    assert pool([0.9, 0.2, 0.4], pooling) == pytest.approx(certainty)
