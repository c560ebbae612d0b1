"""The same numbers by age, sex, view, manufacturer and source, and whether they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.validation import delong
from inference.validation.confusion import Confusion, confusion
from inference.validation.interval import Interval, unknown
from inference.validation.permutation import auroc_differs, share_differs
from inference.validation.record import Record
from inference.validation.sample import Sample, sample

FEW = 10  # positives, or negatives, under which a share says next to nothing
UNKNOWN = "unknown"
_BANDS = ((1, "under 1"), (6, "1 to 5"), (18, "6 to 17"), (40, "18 to 39"), (65, "40 to 64"))
_OLDEST = "65 and over"


@dataclass(frozen=True, slots=True)
class Group:
    """One value of a factor. What rests on fewer than `FEW` cases of a class is NaN."""

    name: str
    cases: int
    positive: int
    auroc: Interval
    sensitivity: Interval
    specificity: Interval

    @property
    def negative(self) -> int:
        return self.cases - self.positive


@dataclass(frozen=True, slots=True)
class Test:
    """Does `measure` differ between the groups? NaN where less than two are large enough.

    `adjusted` allows for all tests of the report (Holm 1979). `groups` took part.
    """

    measure: str
    groups: tuple[str, ...]
    p: float
    adjusted: float = math.nan


@dataclass(frozen=True, slots=True)
class Factor:
    """`groups` is empty where no case says its value."""

    name: str
    groups: tuple[Group, ...]
    tests: tuple[Test, ...]


def age_group(record: Record) -> str:
    if record.age is None:
        return UNKNOWN
    age = record.age
    return next((name for end, name in _BANDS if age < end), _OLDEST)


FACTORS: dict[str, Callable[[Record], str]] = {
    "age": age_group,
    "sex": lambda record: record.sex or UNKNOWN,
    "view": lambda record: record.view or UNKNOWN,
    "manufacturer": lambda record: record.manufacturer or UNKNOWN,
    "source": lambda record: record.source or UNKNOWN,
}
_AGES = (*(name for _, name in _BANDS), _OLDEST)


def factors(records: Sequence[Record], threshold: float) -> tuple[Factor, ...]:
    """Return every factor; `records` all have a certainty."""
    whole = sample(records)
    found = [_factor(name, records, whole, threshold) for name in FACTORS]
    return _adjusted(found)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust for all that are no NaN (Holm, Scandinavian Journal of Statistics 6 (1979) 65)."""
    order = sorted(
        (index for index, p in enumerate(p_values) if not math.isnan(p)),
        key=lambda index: p_values[index],
    )
    adjusted = [math.nan] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _factor(name: str, records: Sequence[Record], whole: Sample, threshold: float) -> Factor:
    values = np.array([FACTORS[name](record) for record in records], dtype=object)
    names = sorted(set(values), key=lambda value: (value == UNKNOWN, _order(name, value)))
    if names in ([], [UNKNOWN]):
        return Factor(name, (), ())
    parts = {value: whole.where(values == value) for value in names}
    return Factor(
        name,
        tuple(_group(value, part, confusion(part, threshold)) for value, part in parts.items()),
        _tests(whole, values, names, threshold),
    )


def _tests(
    whole: Sample, values: NDArray[np.object_], names: Sequence[str], threshold: float
) -> tuple[Test, ...]:
    """Compare the groups that are large enough for a measure; a value that is not known is none."""
    numbers = np.array([names.index(value) for value in values])
    count = len(names)
    known = np.array([name != UNKNOWN for name in names])
    positive = np.bincount(numbers[whole.positive], minlength=count) >= FEW
    negative = np.bincount(numbers[~whole.positive], minlength=count) >= FEW
    right = (whole.scores >= threshold) == whole.positive
    everybody = np.ones_like(whole.positive)
    found = []
    for measure, enough, counted in (
        ("auroc", positive & negative & known, everybody),
        ("sensitivity", positive & known, whole.positive),
        ("specificity", negative & known, ~whole.positive),
    ):
        kept = enough[numbers] & counted
        part, dealt = whole.where(kept), numbers[kept]
        if measure == "auroc":
            p = auroc_differs(part, dealt)
        else:
            p = share_differs(part, dealt, right[kept])
        found.append(Test(measure, tuple(np.array(names)[enough].tolist()), p))
    return tuple(found)


def _order(factor: str, value: str) -> tuple[int, str]:
    return (_AGES.index(value) if factor == "age" and value in _AGES else 0, value)


def _group(name: str, part: Sample, counts: Confusion) -> Group:
    positive = int(part.positive.sum())
    cases = len(part.scores)
    enough = positive >= FEW, cases - positive >= FEW
    return Group(
        name=name,
        cases=cases,
        positive=positive,
        auroc=delong.interval(part) if all(enough) else unknown(cases),
        sensitivity=counts.sensitivity if enough[0] else unknown(positive),
        specificity=counts.specificity if enough[1] else unknown(cases - positive),
    )


def _adjusted(found: Sequence[Factor]) -> tuple[Factor, ...]:
    adjusted = iter(holm([test.p for factor in found for test in factor.tests]))
    return tuple(
        Factor(
            factor.name,
            factor.groups,
            tuple(Test(test.measure, test.groups, test.p, next(adjusted)) for test in factor.tests),
        )
        for factor in found
    )
