"""`wetread models shadow`: what one promotes on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from inference.domain.agreement import Agreement, Comparison, compare
from inference.domain.errors import RolloutError
from inference.domain.job import ModelId
from wetread import settings
from wetread.bootstrap import Stores, look_into_stores
from wetread.cli.output import AsJson, console, print_json


def shadow(
    name: str,
    version: Annotated[str, typer.Option(help="The one in shadow, now or last.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Studies to list, most apart first.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare a version in shadow with what was delivered on the same studies."""
    stores = look_into_stores(settings.load())
    try:
        model = ModelId(name, version or _latest(stores, name))
        found = compare(stores.results.beside(model))
    finally:
        stores.close()
    if as_json:
        print_json(
            {
                "name": name,
                "shadow": model.version,
                "compared": [_described(each, limit) for each in found],
            }
        )
        return
    if not found:
        console.print(f"No study was read by {model} in shadow yet.")
    for each in found:
        _print(model, each, limit)


def _latest(stores: Stores, name: str) -> str:
    for change in stores.rollouts.history(name):
        if change.rollout.shadow:
            return change.rollout.shadow
    raise RolloutError(
        f"no version of {name[:80]!r} is or was in shadow; "
        f"begin with wetread models promote {name[:80]} VERSION --shadow"
    )


def _described(each: Comparison, limit: int) -> dict[str, Any]:
    return {
        "delivered": each.shown,
        "studies": each.studies,
        "both_assessed": each.both_assessed,
        "only_delivered_assessed": each.only_shown_assessed,
        "only_shadow_assessed": each.only_shadow_assessed,
        "shadow_failed": each.failed,
        "findings": [
            {
                "finding": found.finding.meaning,
                "studies": len(found.pairs),
                "both": found.count(shown=True, shadow=True),
                "neither": found.count(shown=False, shadow=False),
                "only_delivered": found.count(shown=True, shadow=False),
                "only_shadow": found.count(shown=False, shadow=True),
                "agreement": found.share,
                "mean_difference": found.mean_difference,
                "pairs": [asdict(pair) for pair in found.pairs[:limit]],
            }
            for found in each.agreements
        ],
    }


def _print(model: ModelId, each: Comparison, limit: int) -> None:
    console.print(
        f"\n[bold]{model}[/] in shadow, beside {each.shown}: {each.studies} studies, "
        f"{each.both_assessed} assessed by both, {each.only_shown_assessed} by {each.shown} alone, "
        f"{each.only_shadow_assessed} by {model.version} alone; in shadow {each.failed} failed",
        highlight=False,
    )
    table = Table(
        "Finding",
        "Both",
        "Neither",
        f"Only {each.shown}",
        f"Only {model.version}",
        "Agree",
        "Mean difference",
    )
    for found in each.agreements:
        table.add_row(
            found.finding.meaning,
            str(found.count(shown=True, shadow=True)),
            str(found.count(shown=False, shadow=False)),
            str(found.count(shown=True, shadow=False)),
            str(found.count(shown=False, shadow=True)),
            f"{found.share:.1%}",
            f"{found.mean_difference:.3f}",
        )
    console.print(table)
    for found in each.agreements:
        _print_pairs(model, each, found, limit)


def _print_pairs(model: ModelId, each: Comparison, found: Agreement, limit: int) -> None:
    apart = [pair for pair in found.pairs if not pair.agrees] or list(found.pairs)
    if not limit:
        return
    table = Table(found.finding.meaning, each.shown, model.version, title_justify="left")
    for pair in apart[:limit]:
        colour = "" if pair.agrees else "yellow"
        table.add_row(
            pair.study_instance_uid, f"{pair.shown:.3f}", f"{pair.shadow:.3f}", style=colour
        )
    console.print(table)
