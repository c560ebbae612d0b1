"""`wetread rules test`: which rule would take a file, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from inference.domain.errors import InputError
from inference.domain.instance import Instance, Origin, Source
from wetread import settings
from wetread.bootstrap import build_registry, build_rulebook, look_at_versions
from wetread.cli.output import AsJson, console, print_json

app = typer.Typer(no_args_is_help=True, help="Which model reads which series.")


@app.callback()
def _rules() -> None:
    pass


@app.command("test")
def explain(
    path: Annotated[Path, typer.Argument(help="A DICOM file or a folder.", exists=True)],
    calling_ae: Annotated[str, typer.Option(help="As if sent by this AE title.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say for each file which rule would take it, whether its model would read it, and why."""
    from dicom_node.archive import describe
    from inference.domain import screening

    configuration = settings.load()
    registry = build_registry(configuration)
    rulebook = build_rulebook(configuration, registry)
    manifests = {each.model: each for each in registry.manifests()}
    with look_at_versions(configuration, registry) as versions:
        active = {each.model: versions.active(each.model) for each in configuration.rules}
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    rows: list[dict[str, Any]] = []
    for file in (each for each in files if each.is_file()):
        try:
            description = describe(file)
        except InputError as error:
            rows.append({"path": str(file), "error": str(error), "rules": []})
            continue
        instance = Instance(description, Origin(Source.DIMSE, calling_ae), "", "", 0)
        verdicts = []
        for rule, objection in rulebook.explain(instance):
            verdict = {"rule": rule.name, "model": rule.model, "takes": not objection}
            if objection:
                verdict["why"] = objection
            else:
                manifest = manifests[active[rule.model]]
                refused = screening.refusals(manifest, instance)
                verdict["model_refuses"] = [each.detail for each in refused]
                verdict["model_doubts"] = [
                    each.detail for each in screening.doubts(manifest, instance)
                ]
            verdicts.append(verdict)
        rows.append({"path": str(file), "error": None, "rules": verdicts})
    if as_json:
        print_json({"at": datetime.now(UTC).isoformat(), "files": rows})
        return
    table = Table("File", "Rule", "Model", "Verdict")
    for row in rows:
        name = str(Path(row["path"]).relative_to(path)) if path.is_dir() else row["path"]
        name = escape(name)
        if row["error"]:
            table.add_row(name, "", "", f"[red]not DICOM: {escape(row['error'])}[/]")
        for verdict in row["rules"]:
            table.add_row(name, verdict["rule"], verdict["model"], _verdict(verdict))
    console.print(table)


def _verdict(verdict: dict[str, Any]) -> str:
    if not verdict["takes"]:
        return f"[dim]not taken: {escape(verdict['why'])}[/]"
    if verdict["model_refuses"]:
        return "[yellow]taken; not assessed: " + escape("; ".join(verdict["model_refuses"])) + "[/]"
    if verdict["model_doubts"]:
        return "[cyan]taken; undetermined: " + escape("; ".join(verdict["model_doubts"])) + "[/]"
    return "[green]taken[/]"
