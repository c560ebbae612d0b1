"""Is what a model sees now like what it learned from?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PARTS = 10
# An empty part would make the index infinite.
_LEAST_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread: `shares` of them lie below, between and above the `edges`.

    `values` is how many there were, 0 where nobody knows.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    values: int = 0


def spread_of(values: Sequence[float]) -> Spread:
    """Return the spread over ten parts of the same size, fewer where values repeat."""
    if not values:
        raise ValueError("no values to learn a spread from")
    ordered = sorted(values)
    cuts = (ordered[len(ordered) * part // _PARTS] for part in range(1, _PARTS))
    edges = tuple(sorted(set(cuts)))
    return Spread(edges, _shares(edges, values), len(values))


def shift(reference: Spread, values: Sequence[float]) -> float:
    """Return the population stability index of `values`, 0 and more.

    By custom, below 0.1 nothing has changed and above 0.25 much has. What chance alone brings
    about on average is taken off: with 66 values in the reference and 100 now, 0.23.
    """
    now = _shares(reference.edges, values)
    pairs = zip(reference.shares, now, strict=True)
    floored = ((max(before, _LEAST_SHARE), max(after, _LEAST_SHARE)) for before, after in pairs)
    index = sum((after - before) * math.log(after / before) for before, after in floored)
    return max(0.0, index - _chance(reference, len(values)))


def _chance(reference: Spread, values: int) -> float:
    """Where nothing has changed, the index is spread as chi squared (Yurdakul & Naranjo 2020)."""
    freedom = len(reference.edges)
    return freedom * (1 / values + (1 / reference.values if reference.values else 0.0))


def spreads_from(document: object) -> dict[str, Spread]:
    """Read what `document_of` wrote. Raises `ValueError`."""
    found: dict[str, Spread] = {}
    held = document if isinstance(document, Mapping) else {}
    statistics, pictures = held.get("statistics"), held.get("pictures", 0)
    if not isinstance(statistics, Mapping):
        raise ValueError("a reference has `statistics`")
    if not isinstance(pictures, int) or pictures < 0:
        raise ValueError("`pictures` of a reference is their number")
    for name, each in statistics.items():
        try:
            edges = tuple(map(float, each["edges"]))
            shares = tuple(map(float, each["shares"]))
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{name}: not the edges and shares of a reference") from None
        if len(shares) != len(edges) + 1 or not all(map(math.isfinite, (*edges, *shares))):
            raise ValueError(f"{name}: {len(edges)} edges need {len(edges) + 1} finite shares")
        found[str(name)] = Spread(edges, shares, pictures)
    return found


def document_of(spreads: Mapping[str, Spread], pictures: int) -> dict[str, object]:
    """Return what is written beside a model's weights."""
    return {
        "pictures": pictures,
        "statistics": {
            name: {
                "edges": [round(edge, 6) for edge in each.edges],
                "shares": [round(share, 6) for share in each.shares],
            }
            for name, each in sorted(spreads.items())
        },
    }


def _shares(edges: Sequence[float], values: Sequence[float]) -> tuple[float, ...]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return tuple(count / len(values) for count in counts)
