"""`wetread models`: which models are there, in which versions, and what they are in use for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.table import Table

from inference.domain.errors import ModelError
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.domain.rollout import Rollout, Stage, percent
from wetread import settings
from wetread.bootstrap import build_registry, look_at_versions
from wetread.cli.add import add
from wetread.cli.export import export
from wetread.cli.output import AsJson, console, print_json
from wetread.cli.reference import reference
from wetread.cli.rollouts import history, promote, rollback
from wetread.cli.shadow import shadow

app = typer.Typer(
    no_args_is_help=True, help="Models and their versions: what is there, and what is in use."
)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every model and version."""
    configuration = settings.load()
    registry = build_registry(configuration)
    manifests = registry.manifests()
    with look_at_versions(configuration, registry) as versions:
        rollouts = {name: versions.rollout(name) for name in {m.model.name for m in manifests}}
    if as_json:
        print_json([_summary(each, rollouts[each.model.name]) for each in manifests])
        return
    table = Table("Model", "Version", "Stage", "Finds", "Population")
    for each in manifests:
        stage = _stage(rollouts[each.model.name], each.model.version)
        finds = ", ".join(f"{out.finding.meaning} at {out.threshold:.2f}" for out in each.outputs)
        table.add_row(
            each.model.name, each.model.version, stage, finds, each.population.description
        )
    console.print(table)


@app.command()
def show(
    name: str,
    version: Annotated[str, typer.Option(help="The active one if not said.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show a model's manifest."""
    configuration = settings.load()
    registry = build_registry(configuration)
    with look_at_versions(configuration, registry) as versions:
        wanted = version or versions.active(name).version
    for each in registry.manifests():
        if each.model.name == name and each.model.version == wanted:
            if as_json:
                print_json(asdict(each))
            else:
                table = Table(show_header=False, title=str(each.model), title_justify="left")
                for key, value in _flat(asdict(each)):
                    table.add_row(key, str(value))
                console.print(table)
            return
    raise typer.BadParameter(f"{name} has no version {wanted}; see wetread models list")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Load every model and gate: manifest valid, weights unchanged. Exit code 1 if one is not."""
    registry = build_registry(settings.load())
    loads: list[tuple[ModelId, Callable[[], object]]] = [
        (each.model, partial(registry.load, each.model)) for each in registry.manifests()
    ]
    loads += [(each, partial(registry.gate, each.name)) for each in registry.gates()]
    rows: list[dict[str, Any]] = []
    for model, load in loads:
        try:
            load()
            error = None
        except ModelError as fault:
            error = str(fault)
        rows.append({"model": model.name, "version": model.version, "error": error})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            verdict = f"[red]{row['error']}[/]" if row["error"] else "[green]verified[/]"
            console.print(f"{row['model']} {row['version']}: {verdict}")
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


app.command()(add)
app.command()(export)
app.command()(reference)
app.command()(promote)
app.command()(rollback)
app.command()(history)
app.command()(shadow)


def _stage(rollout: Rollout, version: str) -> str:
    stage = rollout.stage(version)
    if stage is Stage.CANARY:
        return f"{stage.value} {percent(rollout.fraction)}"
    return stage.value if stage else ""


def _summary(manifest: Manifest, rollout: Rollout) -> dict[str, Any]:
    stage = rollout.stage(manifest.model.version)
    return {
        "name": manifest.model.name,
        "version": manifest.model.version,
        "active": stage is Stage.ACTIVE,
        "stage": stage.value if stage else None,
        "fraction": rollout.fraction if stage is Stage.CANARY else None,
        "title": manifest.title,
        "outputs": [asdict(each) for each in manifest.outputs],
        "population": manifest.population.description,
        "weights_sha256": manifest.weights_sha256,
    }


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, each in value.items():
        if isinstance(each, dict):
            rows.extend(_flat(each, f"{prefix}{key}."))
        elif isinstance(each, list | tuple) and each and isinstance(each[0], dict):
            for number, item in enumerate(each, 1):
                rows.extend(_flat(item, f"{prefix}{key}[{number}]."))
        else:
            rows.append((prefix + key, each))
    return rows
