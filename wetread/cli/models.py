"""`wetread models`: which models are there, and are they what their manifests say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from inference.domain.errors import ModelError
from inference.domain.manifest import Manifest
from wetread import settings
from wetread.bootstrap import build_registry
from wetread.cli.export import export
from wetread.cli.output import AsJson, console, print_json

app = typer.Typer(no_args_is_help=True, help="Models: list, show, verify.")


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every model and version."""
    registry = build_registry(settings.load())
    manifests = registry.manifests()
    if as_json:
        print_json(
            [_summary(each, registry.active(each.model.name) == each.model) for each in manifests]
        )
        return
    table = Table("Model", "Version", "Active", "Finds", "Population")
    for each in manifests:
        active = "yes" if registry.active(each.model.name) == each.model else ""
        finds = ", ".join(f"{out.finding.meaning} at {out.threshold:.2f}" for out in each.outputs)
        table.add_row(
            each.model.name, each.model.version, active, finds, each.population.description
        )
    console.print(table)


@app.command()
def show(
    name: str,
    version: Annotated[str, typer.Option(help="The active one if not said.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show a model's manifest."""
    registry = build_registry(settings.load())
    active = registry.active(name)
    wanted = version or active.version
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
    """Load every model: manifest valid, weights unchanged. Exit code 1 if one is not."""
    registry = build_registry(settings.load())
    rows: list[dict[str, Any]] = []
    for each in registry.manifests():
        try:
            registry.load(each.model)
            error = None
        except ModelError as fault:
            error = str(fault)
        rows.append({"model": each.model.name, "version": each.model.version, "error": error})
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            verdict = f"[red]{row['error']}[/]" if row["error"] else "[green]verified[/]"
            console.print(f"{row['model']} {row['version']}: {verdict}")
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


app.command()(export)


def _summary(manifest: Manifest, active: bool) -> dict[str, Any]:
    return {
        "name": manifest.model.name,
        "version": manifest.model.version,
        "active": active,
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
