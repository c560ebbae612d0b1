"""A validation as a page for people and as JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inference.domain.manifest import Manifest
from inference.validation import bootstrap, permutation, plot
from inference.validation.bar import Verdict
from inference.validation.group import FEW, Factor
from inference.validation.interval import Interval
from inference.validation.record import Identity
from inference.validation.summary import Summary
from inference.validation.worst import Mistake

HTML, JSON = "report.html", "report.json"


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page and the JSON say. `data` is the data set's name, `data_sha256` is
    over its rows; `unlabelled` rows were left out.
    """

    manifest: Manifest
    identity: Identity
    data: str
    data_sha256: str
    unlabelled: int
    at: datetime
    software_version: str
    summary: Summary
    verdicts: Sequence[Verdict]
    mistakes: Sequence[Mistake]


def write_report(report: Report, folder: Path) -> None:
    """Write both, each whole or not at all."""
    _replace(folder / JSON, json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n")
    _replace(folder / HTML, as_html(report))


def as_json(report: Report) -> dict[str, Any]:
    """Return what could not be measured as null."""
    summary = report.summary
    content = {
        "software": f"wetread {report.software_version}",
        "at": report.at.isoformat(timespec="seconds"),
        "model": asdict(report.identity),
        "data": {
            "name": report.data,
            "sha256": report.data_sha256,
            "unlabelled": report.unlabelled,
        },
        "counts": asdict(summary.counts) | {"refused_fraction": summary.counts.refused_fraction},
        "measures": {name: asdict(each) for name, each in summary.measures.items()},
        "confusion": asdict(summary.confusion),
        "refusals": dict(summary.refusals),
        "factors": [asdict(each) for each in summary.factors],
        "calibration": [asdict(each) for each in summary.calibration],
        "roc": summary.roc,
        "seconds": {
            name: {"median": middle, "p95": slow}
            for name, (middle, slow) in asdict(summary.seconds).items()
        },
        "worst_errors": [
            {"file": each.record.file, "positive": each.record.positive}
            | {"certainty": each.record.certainty}
            for each in report.mistakes
        ],
        "bars": [
            asdict(each.bar) | {"value": each.value, "passed": each.passed}
            for each in report.verdicts
        ],
    }
    clean: dict[str, Any] = without_nan(content)
    return clean


def as_html(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "interval": _interval, "p": _p}
    environment.tests["known"] = math.isfinite
    summary = report.summary
    missed = [each for each in report.mistakes if each.record.positive]
    return environment.get_template("report.html").render(
        report=report,
        manifest=report.manifest,
        summary=summary,
        counts=summary.counts,
        confusion=summary.confusion,
        measures=summary.measures,
        plot=plot,
        lowest=_lowest(summary.factors),
        few=FEW,
        rounds=bootstrap.ROUNDS,
        permutations=permutation.ROUNDS,
        mistakes=(
            ("Missed", missed),
            ("False alarms", [each for each in report.mistakes if each not in missed]),
        ),
    )


def _lowest(factors: Sequence[Factor]) -> float:
    """Return where the scale of the groups' areas begins."""
    lows = [
        each.auroc.low if math.isfinite(each.auroc.low) else each.auroc.value
        for factor in factors
        for each in factor.groups
        if math.isfinite(each.auroc.value)
    ]
    return min(0.9, math.floor(10 * min(lows, default=0.5)) / 10)


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _interval(each: Interval, digits: int = 3) -> str:
    if not math.isfinite(each.low):
        return "no interval"
    return f"{each.low:.{digits}f} to {each.high:.{digits}f}"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def without_nan(value: Any) -> Any:
    """Return `value` with None for what is not finite: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_suffix(path.suffix + ".part")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
