"""The bars that a model must clear before it is let through."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from inference.domain.errors import SettingsError
from inference.validation.summary import Summary

_MEASURES = (
    "auroc",
    "auprc",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "accuracy",
    "ece",
    "brier",
)
# The ends of a measure's interval; `auroc_low` at least 0.9 asks more than `auroc` does.
NAMES = (
    *(f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high")),
    "refused_fraction",
    "undetermined_fraction",
    "cases",
    "positive",
    "negative",
)
_SIDES = {"minimum": ">=", "maximum": "<="}


@dataclass(frozen=True, slots=True)
class Bar:
    """`sign` is ">=" or "<="."""

    name: str
    sign: str
    bar: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar with what was measured. What could not be measured clears no bar."""

    bar: Bar
    value: float

    @property
    def passed(self) -> bool:
        # NaN is neither above nor below.
        value, bar = self.value, self.bar.bar
        return value >= bar if self.bar.sign == ">=" else value <= bar

    def __str__(self) -> str:
        measured = "could not be measured" if math.isnan(self.value) else f"is {self.value:.4g}"
        return f"{self.bar.name} {measured}; the bar is {self.bar.sign} {self.bar.bar:g}"


def read_bars(path: Path) -> tuple[Bar, ...]:
    """Read a TOML file with the tables `minimum` and `maximum`. Raises `SettingsError`."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.name}: no TOML that can be read: {error}") from None
    found: list[Bar] = []
    for side, bars in tables.items():
        if side not in _SIDES or not isinstance(bars, dict):
            raise SettingsError(
                f"{path.name}: {side!r}: only [minimum] and [maximum] may stand here"
            )
        for name, bar in bars.items():
            if name not in NAMES:
                raise SettingsError(
                    f"{path.name}: no measure is called {name!r}; there are {', '.join(NAMES)}"
                )
            if isinstance(bar, bool) or not isinstance(bar, int | float) or not math.isfinite(bar):
                raise SettingsError(f"{path.name}: {name}: a number must stand here")
            found.append(Bar(name, _SIDES[side], float(bar)))
    if not found:
        raise SettingsError(f"{path.name} sets no bar")
    return tuple(found)


def judge(bars: tuple[Bar, ...], summary: Summary) -> tuple[Verdict, ...]:
    values = _values(summary)
    return tuple(Verdict(bar, values[bar.name]) for bar in bars)


def _values(summary: Summary) -> dict[str, float]:
    counts = summary.counts
    assessed = counts.assessed or math.nan
    values = {
        "refused_fraction": counts.refused_fraction,
        "undetermined_fraction": counts.undetermined / assessed,
        "cases": float(counts.cases),
        "positive": float(counts.positive),
        "negative": float(counts.negative),
    }
    for name, measure in summary.measures.items():
        values |= {
            name: measure.value,
            f"{name}_low": measure.low,
            f"{name}_high": measure.high,
        }
    return values
