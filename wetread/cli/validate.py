"""`wetread validate`: how good is a model on labelled images, and is it better than another."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from typer.core import TyperGroup

from inference.domain.errors import InputError
from inference.domain.job import ModelId
from wetread.cli.output import AsJson, console, print_json

if TYPE_CHECKING:  # scikit-learn and SciPy take seconds to import
    from inference.validation.compare import Comparison
    from inference.validation.report import Report


class _RunUnlessTold(TyperGroup):
    """`wetread validate MODEL DATA` is `wetread validate run MODEL DATA`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunUnlessTold,
    no_args_is_help=True,
    help="Measure a model on labelled images: wetread validate MODEL DATA.",
)


@app.command("run")
def run(
    model: Annotated[str, typer.Argument(help="A model's name, or the folder of its files.")],
    data: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="A folder with labels.csv, a CSV, or a folder that holds one folder a label.",
        ),
    ],
    labels: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="DATA/labels.csv if not said.")
    ] = None,
    label_column: Annotated[str, typer.Option(help="The column that holds the label.")] = "",
    positive: Annotated[str, typer.Option(help="The label that says: the finding is there.")] = "",
    subset: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE: only such rows; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases.")] = None,
    version: Annotated[str, typer.Option(help="The model's active version if not said.")] = "",
    output: Annotated[str, typer.Option(help="Which of the model's outputs, if several.")] = "",
    out: Annotated[Path | None, typer.Option(help="Where results and report go.")] = None,
    gate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Bars to clear, TOML.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Files that are opened at the same time.")
    ] = min(4, os.cpu_count() or 1),
    lanes: Annotated[
        int, typer.Option(min=1, max=64, help="Copies of the model that read side by side.")
    ] = min(4, os.cpu_count() or 1),
    worst: Annotated[int, typer.Option(min=0, help="Pictures of the worst errors, each way.")] = 6,
    pixel_gate: Annotated[
        bool | None,
        typer.Option(help="Whether the model's gate looks first; as in the settings if not said."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every case as serving would, and write a report. Exit code 1 if a bar is missed.

    What was read before is not read again: a run that was broken off goes on.
    """
    from inference.validation.report import as_json as to_json
    from wetread.api.validation import validate, validation_folder

    with progress_bar(as_json) as progress:
        task = progress.add_task(Path(model).name, total=None)
        report = validate(
            model,
            data,
            out,
            version=version,
            bars=gate,
            labels=labels,
            label_column=label_column,
            positive=positive,
            subset=dict(pair(each) for each in subset or ()),
            limit=limit,
            output=output,
            worst=worst,
            workers=workers,
            lanes=lanes,
            gated=pixel_gate,
            begin=lambda cases: progress.update(task, total=cases),
            advance=lambda done: progress.advance(task, done),
        )
    identity = ModelId(report.identity.model, report.identity.version)
    if as_json:
        print_json(to_json(report))
    else:
        _print_report(report)
        folder = out or validation_folder(identity, data)
        console.print(f"The report is {folder / 'report.html'}", markup=False, soft_wrap=True)
    missed = [verdict for verdict in report.verdicts if not verdict.passed]
    if missed:
        raise InputError("bars missed: " + "; ".join(map(str, missed)))
    if not report.summary.counts.assessed:
        raise InputError(f"{identity} assessed none of the cases; the report says why")


@app.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(exists=True, help="A results.jsonl, or its folder.")],
    second: Annotated[Path, typer.Argument(exists=True, help="Another, on the same cases.")],
    as_json: AsJson = False,
) -> None:
    """Compare two results case by case: is the second better than the first?"""
    from inference.validation.compare import compare as compare_results
    from inference.validation.report import without_nan

    comparison = compare_results(first, second)
    if as_json:
        print_json(without_nan(asdict(comparison)))
    else:
        _print_comparison(comparison)


def pair(text: str) -> tuple[str, str]:
    column, found, value = text.partition("=")
    if not found or not column:
        raise typer.BadParameter(f"{text!r}: write it as COLUMN=VALUE", param_hint="--subset")
    return column, value


def progress_bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet,
    )


def _print_report(report: Report) -> None:
    counts = report.summary.counts
    console.print(
        f"{counts.cases} cases: {counts.assessed} assessed ({counts.positive} with the finding, "
        f"{counts.undetermined} undetermined), {counts.refused} refused",
        highlight=False,
    )
    table = Table("Measure", "Value", "95 % interval")
    for name, each in report.summary.measures.items():
        ends = f"{each.low:.3f} to {each.high:.3f}" if math.isfinite(each.low) else "no interval"
        table.add_row(name, _number(each.value), ends)
    console.print(table)
    for reason, number in report.summary.refusals:
        console.print(f"refused, {reason}: {number}", markup=False, highlight=False)
    for verdict in report.verdicts:
        colour, word = ("green", "cleared") if verdict.passed else ("red", "missed")
        console.print(f"bar {word}: {verdict}", style=colour, markup=False, highlight=False)


def _print_comparison(found: Comparison) -> None:
    names = [f"{each.model} {each.version}" for each in (found.first, found.second)]
    console.print(
        f"{found.cases} cases, {found.positive} with the finding; {found.left_out} left out. "
        f"Right in the first alone: {found.only_first}; in the second alone: {found.only_second}.",
        highlight=False,
    )
    table = Table("Measure", *names, "Difference", "95 % interval", "p", "By")
    for each in found.differences:
        gap = each.difference
        table.add_row(
            each.measure,
            _number(each.first),
            _number(each.second),
            f"{gap.value:+.3f}",
            f"{gap.low:+.3f} to {gap.high:+.3f}",
            _number(each.p),
            each.method,
        )
    console.print(table)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"
