"""Plots as SVG. Colours are the page's own (CSS), so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from inference.validation.calibration import Bin
from inference.validation.interval import Interval
from inference.validation.summary import Summary

_SIDE = 260  # of the square that is plotted in, in SVG units
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 10, 12, 40
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DENSE = 400  # points of a ROC curve that the eye can tell apart


def roc(summary: Summary) -> Markup:
    """Draw the ROC curve, with the threshold's point and its Wilson intervals."""
    counts = summary.confusion
    parts = [_line((0, 0), (1, 1), "chance")]
    if summary.roc:
        step = max(1, len(summary.roc) // _DENSE)
        points = [*summary.roc[:-1:step], summary.roc[-1]]
        area = [(0.0, 0.0), *points, (1.0, 0.0)]
        parts += [f'<polygon class="area" points="{_points(area)}"/>']
        parts += [f'<polyline class="curve" points="{_points(points)}"/>']
    x, y = counts.specificity, counts.sensitivity
    if not math.isnan(x.value) and not math.isnan(y.value):
        parts += [
            _line((1 - x.low, y.value), (1 - x.high, y.value), "bar"),
            _line((1 - x.value, y.low), (1 - x.value, y.high), "bar"),
            _dot(1 - x.value, y.value, 5),
        ]
    return _frame("ROC curve", parts, "1 − specificity", "sensitivity")


def calibration(bins: Sequence[Bin]) -> Markup:
    """Draw the share of positives over the mean certainty of each bin, with Wilson intervals."""
    parts = [_line((0, 0), (1, 1), "chance")]
    used = [each for each in bins if each.observed.of]
    most = max((each.observed.of for each in used), default=1)
    parts += [
        _line((each.certainty, each.observed.low), (each.certainty, each.observed.high), "bar")
        for each in used
    ]
    points = [(each.certainty, each.observed.value) for each in used]
    parts.append(f'<polyline class="curve thin" points="{_points(points)}"/>')
    # The area of a dot goes with its number of cases.
    parts += [
        _dot(each.certainty, each.observed.value, 2.5 + 4.5 * math.sqrt(each.observed.of / most))
        for each in used
    ]
    return _frame("Calibration curve", parts, "certainty", "share with the finding")


def histogram(summary: Summary) -> Markup:
    """Draw how the certainties lie: with the finding upwards, without it downwards."""
    counts = summary.histogram
    sums = [max(1, sum(each[side] for each in counts)) for side in (0, 1)]
    shares = [(up / sums[0], down / sums[1]) for up, down in counts]
    # The root makes the few in the middle visible beside the many at the ends.
    top = math.sqrt(max((max(pair) for pair in shares), default=1.0) or 1.0)
    width = 1 / max(1, len(shares))
    parts = []
    for index, pair in enumerate(shares):
        for share, sign, kind in ((pair[0], 1, "positive"), (pair[1], -1, "negative")):
            height = 0.48 * math.sqrt(share) / top
            if height > 0:
                x, y = _at(index * width + 0.1 * width, 0.5 + max(0.0, sign * height))
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" '
                    f'width="{0.8 * width * _SIDE:.1f}" height="{height * _SIDE:.1f}" rx="1"/>'
                )
    parts.append(_line((0, 0.5), (1, 0.5), "axis"))
    threshold = summary.confusion.threshold
    parts.append(_line((threshold, 0), (threshold, 1), "threshold"))
    x, y = _at(min(threshold, 0.72) + 0.015, 0.955)
    parts.append(f'<text class="note" x="{x:.1f}" y="{y:.1f}">threshold</text>')
    for text, height in (("with", 0.75), ("without", 0.25)):
        x, y = _at(0, height)
        parts.append(
            f'<text class="side" transform="translate({x - 14:.1f} {y:.1f}) rotate(-90)">'
            f"{text}</text>"
        )
    return _frame("Certainties", parts, "certainty", "", grid_across=False)


def forest(interval: Interval, lowest: float) -> Markup:
    """Draw one interval as a small bar on a scale from `lowest` to 1."""
    if math.isnan(interval.value):
        return Markup("")
    across = [
        4 + 132 * min(1.0, max(0.0, (value - lowest) / (1 - lowest)))
        for value in (interval.low, interval.value, interval.high)
    ]
    whisker = (
        ""
        if math.isnan(interval.low)
        else f'<line class="bar" x1="{across[0]:.1f}" y1="9" x2="{across[2]:.1f}" y2="9"/>'
    )
    dot = f'<circle class="dot" cx="{across[1]:.1f}" cy="9" r="4"/>'
    return Markup(
        '<svg class="forest" viewBox="0 0 140 18" width="140" height="18" aria-hidden="true">'
        f'<line class="grid" x1="4" y1="9" x2="136" y2="9"/>{whisker}{dot}</svg>'
    )


def _frame(
    title: str, parts: Iterable[str], across: str, up: str, *, grid_across: bool = True
) -> Markup:
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM
    grid = []
    for tick in _TICKS:
        x, y = _at(tick, tick)
        bottom, label = _TOP + _SIDE, f"{tick:g}"
        grid.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        grid.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
        if grid_across:
            right = _LEFT + _SIDE
            grid.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
            grid.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    middle = _TOP + _SIDE / 2
    names = (
        f'<text class="name" x="{_LEFT + _SIDE / 2}" y="{height - 6}" '
        f'text-anchor="middle">{across}</text>'
        f'<text class="name" transform="translate(12 {middle}) rotate(-90)" '
        f'text-anchor="middle">{up}</text>'
    )
    return Markup(
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        f"{''.join(grid)}{names}{''.join(parts)}</svg>"
    )


def _at(x: float, y: float) -> tuple[float, float]:
    """Return where (x, y), both 0 to 1, lies in the SVG."""
    return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join("{:.1f},{:.1f}".format(*_at(x, y)) for x, y in points)


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    (x1, y1), (x2, y2) = _at(*start), _at(*end)
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, radius: float) -> str:
    across, down = _at(x, y)
    return f'<circle class="dot" cx="{across:.1f}" cy="{down:.1f}" r="{radius:.1f}"/>'
