"""Where frames lie in the patient (PS3.3 C.7.6.2), and what that makes of a stack of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

Vector = tuple[float, float, float]

_PARALLEL = 0.999  # cosine of the angle between normals; 2.6 degrees
_GAP = 1.5  # times the usual distance: a slice is missing


@dataclass(frozen=True, slots=True)
class Plane:
    """`position_mm`: Image Position (Patient). The cosines: Image Orientation (Patient)."""

    position_mm: Vector
    row_cosines: Vector
    column_cosines: Vector

    @property
    def normal(self) -> Vector:
        (a, b, c), (x, y, z) = self.row_cosines, self.column_cosines
        return (b * z - c * y, c * x - a * z, a * y - b * x)


@dataclass(frozen=True, slots=True)
class Stack:
    """`order`: indices of the slices of one direction, sorted along their normal.

    `thickness_mm`: for each of them the length that it stands for, half of the way to
    either neighbour; empty where nobody knows.
    """

    order: tuple[int, ...]
    thickness_mm: tuple[float, ...] = ()

    @property
    def has_gaps(self) -> bool:
        """Does a slice stand for so much that one beside it must be missing?"""
        if len(self.thickness_mm) < 3:
            return False
        return max(self.thickness_mm) > (1 + _GAP) / 2 * median(self.thickness_mm)


def stack(planes: Sequence[Plane | None]) -> Stack:
    """Return the largest set of parallel slices; all, in their order, where none has a plane."""
    known = [index for index, plane in enumerate(planes) if plane is not None]
    if not known:
        return Stack(tuple(range(len(planes))))
    sets: list[list[int]] = []
    for index in known:
        for each in sets:
            if _parallel(planes[each[0]], planes[index]):
                each.append(index)
                break
        else:
            sets.append([index])
    largest = max(sets, key=len)
    first = planes[largest[0]]
    assert first is not None
    heights = {
        index: _dot(plane.position_mm, first.normal)
        for index in largest
        if (plane := planes[index]) is not None
    }
    order = sorted(largest, key=lambda index: heights[index])
    return Stack(tuple(order), _thickness([heights[index] for index in order]))


def _thickness(heights: Sequence[float]) -> tuple[float, ...]:
    if len(heights) < 2:
        return ()
    ways = [upper - lower for lower, upper in pairwise(heights)]
    # The first and the last reach as far outwards as inwards.
    before, after = [ways[0], *ways], [*ways, ways[-1]]
    return tuple((low + high) / 2 for low, high in zip(before, after, strict=True))


def _parallel(one: Plane | None, other: Plane | None) -> bool:
    return one is not None and other is not None and _dot(one.normal, other.normal) > _PARALLEL


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
