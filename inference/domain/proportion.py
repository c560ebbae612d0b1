"""A share of what was counted, with its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)  # 1.96


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `of`. What is of nothing has no value and no bounds."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the score interval (Wilson 1927), which holds for few and for all, too."""
        if not self.of:
            return None
        share = self.hits / self.of
        middle = share + _Z * _Z / (2 * self.of)
        reach = _Z * math.sqrt(share * (1 - share) / self.of + (_Z / (2 * self.of)) ** 2)
        scale = 1 + _Z * _Z / self.of
        # Rounding may leave the share itself just outside.
        low, high = (middle - reach) / scale, (middle + reach) / scale
        return max(0.0, min(low, share)), min(1.0, max(high, share))
