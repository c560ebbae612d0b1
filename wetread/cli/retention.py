"""`wetread retention`: images that nobody needs any more leave the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inference.domain.delivery import OWN_ARCHIVE
from inference.domain.retention import WORDS, Claim, RetentionTerms, Weighed
from inference.intake.retention import Retention
from wetread import logs, settings
from wetread.bootstrap import (
    build_destinations,
    look_into_stores,
    open_stores,
)
from wetread.cli.output import AsJson, console, print_json
from wetread.incidents import build_desk

_NOTHING = "Nothing is ever removed: retention_days is 0, and no --days was given."


@dataclass(slots=True)
class _Found:
    """What a run found. `kept` are the Studies whose images something claims."""

    studies: int = 0
    instances: int = 0
    size: int = 0  # bytes
    incidents: int = 0  # resolved ones, whose bytes no Study held
    removed: list[str] = field(default_factory=list)
    kept: list[Weighed] = field(default_factory=list)

    def count(self, weighed: Weighed) -> None:
        if weighed.claims:
            self.kept.append(weighed)
            return
        self.studies += 1
        self.instances += weighed.instances
        self.size += weighed.size
        self.removed.append(weighed.study_instance_uid)

    @property
    def claims(self) -> Sequence[tuple[Claim, int]]:
        """How many Studies each claim keeps, in the order of `Claim`."""
        counted = Counter(claim for each in self.kept for claim in each.claims)
        return [(claim, counted[claim]) for claim in Claim if claim in counted]


def retention(
    days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="Studies of which nothing arrived for so long."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")
    ] = False,
    reviewed: Annotated[
        bool,
        typer.Option("--reviewed", help="Also where a reviewer disagreed; export those first."),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many studies at most, the oldest first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove the received images of old studies. Results, reviews and the account stay.

    A study that something still claims is kept, and the reason is told.
    """
    configuration = settings.load()
    days = days or configuration.retention_days
    if not days:
        if as_json:
            print_json(_described(_Found(), 0, dry_run=dry_run))
        else:
            console.print(_NOTHING, highlight=False, soft_wrap=True)
        return
    # Of another version, or of nobody: neither is brought up by a job that cleans.
    stores = look_into_stores(configuration)
    if not dry_run:
        stores.close()
        stores = open_stores(configuration)
    terms = RetentionTerms(
        before=stores.clock.now() - timedelta(days=days),
        delivers=any(each.name != OWN_ARCHIVE for each in build_destinations(configuration)),
        reviewed=reviewed,
    )
    found = _Found()
    try:
        keeper = Retention(stores.removals, stores.archive, stores.clock)
        due = keeper.due(terms)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=as_json or not console.is_terminal,
        ) as progress:
            # Only here does a line of the log stand above the bar, and not within it.
            logs.configure(configuration.log_format)
            task = progress.add_task("studies", total=len(due))
            for weighed in keeper.sweep(due, terms, limit=limit, dry_run=dry_run):
                found.count(weighed)
                progress.advance(task)
            desk = build_desk(stores)
            settled = desk.settled(terms.before)
            found.incidents = len(settled) if dry_run else desk.remove(settled)
    finally:
        stores.close()
    if as_json:
        print_json(_described(found, days, dry_run=dry_run))
    else:
        _print(found, days, dry_run=dry_run)


def _described(found: _Found, days: int, *, dry_run: bool) -> dict[str, Any]:
    """Return what was found; no patient data."""
    return {
        "days": days,
        "dry_run": dry_run,
        "studies": found.studies,
        "instances": found.instances,
        "bytes": found.size,
        "incidents": found.incidents,
        "removed": found.removed,
        "claims": {claim.value: count for claim, count in found.claims},
        "kept": [
            {
                "study_instance_uid": each.study_instance_uid,
                "received_at": each.received_at.isoformat(),
                "instances": each.instances,
                "reasons": [
                    {"reason": claim.value, "detail": WORDS[claim]} for claim in each.claims
                ],
            }
            for each in found.kept
        ],
    }


def _print(found: _Found, days: int, *, dry_run: bool) -> None:
    for each in found.kept:
        reasons = "; ".join(WORDS[claim] for claim in each.claims)
        console.print(f"kept {each.study_instance_uid}: {reasons}", highlight=False, soft_wrap=True)
    would = "would be " if dry_run else ""
    images, studies = _counted(found.instances, "image"), _counted(found.studies, "study")
    console.print(
        f"{images} of {studies} {would}removed, {_megabytes(found.size)}; "
        f"nothing arrived of them for {days} days.",
        highlight=False,
        soft_wrap=True,
    )
    if found.incidents:
        console.print(
            f"The bytes of {_counted(found.incidents, 'resolved incident')} {would}removed, too.",
            highlight=False,
        )
    if found.kept:
        console.print(f"Kept of that age: {_counted(len(found.kept), 'study')}", highlight=False)
    for claim, count in found.claims:
        console.print(f"  {count}  {claim.value}", highlight=False)


def _counted(number: int, what: str) -> str:
    several = "studies" if what == "study" else f"{what}s"
    return f"{number} {what if number == 1 else several}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
