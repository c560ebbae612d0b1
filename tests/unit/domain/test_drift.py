"""Population stability index: what has moved, and what only happened by chance."""

from __future__ import annotations

import random

import pytest

from inference.domain.drift import document_of, shift, spread_of, spreads_from

GENERATOR = random.Random(7)
USUAL = [GENERATOR.gauss(0.5, 0.1) for _ in range(2000)]


def test_ten_parts_of_the_same_size() -> None:
    spread = spread_of([float(each) for each in range(100)])
    assert spread.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert spread.shares == (0.1,) * 10


def test_more_of_the_same_is_no_shift() -> None:
    again = [GENERATOR.gauss(0.5, 0.1) for _ in range(500)]
    assert shift(spread_of(USUAL), again) < 0.1


def test_few_values_are_no_shift_by_chance() -> None:
    found = [
        shift(
            spread_of([GENERATOR.gauss(0.5, 0.1) for _ in range(66)]),
            [GENERATOR.gauss(0.5, 0.1) for _ in range(100)],
        )
        for _ in range(200)
    ]
    assert sum(each > 0.25 for each in found) < 20
    assert sum(found) / len(found) < 0.1


def test_a_brighter_device_is_a_shift() -> None:
    brighter = [GENERATOR.gauss(0.65, 0.1) for _ in range(500)]
    assert shift(spread_of(USUAL), brighter) > 0.25


def test_the_same_values_are_no_shift_at_all() -> None:
    assert shift(spread_of(USUAL), USUAL) == 0


def test_values_that_never_came_are_a_finite_shift() -> None:
    assert 0.25 < shift(spread_of(USUAL), [5.0] * 100) < 20


def test_a_value_that_repeats_makes_fewer_parts() -> None:
    spread = spread_of([0.0] * 95 + [1.0] * 5)
    assert len(spread.shares) == len(spread.edges) + 1
    assert sum(spread.shares) == pytest.approx(1)


def test_what_is_written_is_read_again() -> None:
    spread = spread_of([0.125, 0.25, 0.5])
    document = document_of({"brightness": spread}, 3)
    read = spreads_from(document)["brightness"]
    assert read.edges == spread.edges
    assert read.shares == pytest.approx(spread.shares, abs=1e-6)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"statistics": []},
        {"statistics": {}, "pictures": -1},
        {"statistics": {}, "pictures": "many"},
        {"statistics": {"brightness": {"edges": [1]}}},
        {"statistics": {"brightness": {"edges": [1], "shares": [1]}}},
        {"statistics": {"brightness": {"edges": ["x"], "shares": [0, 1]}}},
        {"statistics": {"brightness": {"edges": [float("nan")], "shares": [0, 1]}}},
    ],
)
def test_a_reference_that_is_none_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"reference|statistics|brightness"):
        spreads_from(document)


def test_nothing_has_no_spread() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread_of([])
