"""`wetread models promote`, `rollback` and `history`: which versions are in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from inference.domain.job import ModelId
from inference.domain.rollout import Rollout, RolloutChange
from wetread import settings
from wetread.bootstrap import Stores, SystemClock, build_registry, look_into_stores, open_stores
from wetread.cli.output import AsJson, console, print_json
from wetread.versions import changes, known, operator, promoted, retreat

Why = Annotated[str, typer.Option(help="The reason, for the history.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def promote(
    name: str,
    version: str,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Read every study, record, do not deliver.")
    ] = False,
    canary: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Read this share of the studies, 0 to 1."),
    ] = None,
    why: Why = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a version read: all studies alone, some as a canary, or in shadow.

    It counts from the next study that becomes stable; what is queued keeps its version.
    """
    if shadow and canary is not None:
        raise typer.BadParameter("say one of --shadow and --canary")
    configuration = settings.load()
    registry = build_registry(configuration)
    known(registry, name, version)
    registry.load(ModelId(name, version))
    stores = open_stores(configuration)
    try:
        history = changes(stores, registry, name)
        then = promoted(history[0].rollout, version, shadow=shadow, canary=canary)
        _change(stores, history, then, why, yes=yes, as_json=as_json)
    finally:
        stores.close()


def rollback(name: str, why: Why = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Take back the last change. Asked again, it goes further back, never forth."""
    configuration = settings.load()
    registry = build_registry(configuration)
    stores = open_stores(configuration)
    try:
        history = tuple(stores.rollouts.history(name))
        earlier = retreat(history, registry, name)
        _change(
            stores,
            history,
            earlier.rollout,
            why,
            restores=earlier.number,
            yes=yes,
            as_json=as_json,
        )
    finally:
        stores.close()


def history(name: str, as_json: AsJson = False) -> None:
    """Who changed which versions of a model are in use, when and why; the newest first."""
    configuration = settings.load()
    stores = look_into_stores(configuration)
    try:
        made = stores.rollouts.history(name)
    finally:
        stores.close()
    if not made:
        known(build_registry(configuration), name)
    if as_json:
        print_json([describe(each) for each in made])
        return
    table = Table("Change", "When", "Who", "In use", "Why")
    for each in made:
        back = f"back to change {each.restores}" if each.restores else ""
        table.add_row(
            str(each.number),
            f"{each.changed_at:%Y-%m-%d %H:%M:%S} UTC",
            escape(each.who),
            str(each.rollout),
            escape(": ".join(part for part in (back, each.why) if part)),
        )
    console.print(table if made else f"Nobody has changed which version of {name} is active.")


def describe(change: RolloutChange) -> dict[str, Any]:
    return {
        "change": change.number,
        "at": change.changed_at.isoformat(),
        "who": change.who,
        "why": change.why,
        "restores": change.restores,
        **_stages(change.rollout),
    }


def _change(
    stores: Stores,
    history: Sequence[RolloutChange],
    then: Rollout,
    why: str,
    *,
    yes: bool,
    as_json: bool,
    restores: int | None = None,
) -> None:
    now = history[0].rollout
    if then == now and restores is None:
        if as_json:
            print_json({"changed": False, **describe(history[0])})
        else:
            console.print(f"It is so already: {now}", highlight=False)
        return
    if not as_json:
        console.print(f"{then.name}\n  now:  {now}\n  then: {then}", highlight=False)
        console.print("It counts from the next study that becomes stable.")
    if not yes:
        if as_json:
            raise typer.BadParameter("say --yes as well: with --json nobody is asked")
        typer.confirm("Change it?", abort=True)
    change = stores.rollouts.change(
        then,
        SystemClock().now(),
        after=history[0].number,
        who=operator(),
        why=why,
        restores=restores,
    )
    if as_json:
        print_json({"changed": True, **describe(change)})
    else:
        console.print(f"[green]Done[/], change {change.number}.")


def _stages(rollout: Rollout) -> dict[str, Any]:
    return {
        "active": rollout.active,
        "canary": rollout.canary or None,
        "fraction": rollout.fraction if rollout.canary else None,
        "shadow": rollout.shadow or None,
    }
