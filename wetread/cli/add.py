"""`wetread models add`: a model joins those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wetread import settings, versions
from wetread.cli.output import AsJson, console, print_json


def add(
    source: Annotated[
        Path, typer.Argument(help="A folder with a model.toml, or a zip of one.", exists=True)
    ],
    as_json: AsJson = False,
) -> None:
    """Check a model, try it out, and copy it into the state directory.

    Nothing that patients are read with changes by it: see `promote`.
    """
    found = versions.add(settings.load(), source)
    model, current = found.model, found.rollout
    if as_json:
        print_json(
            {
                "name": model.name,
                "version": model.version,
                "folder": str(found.folder),
                "added": found.new,
                "warnings": list(found.warnings),
                "in_use": {stage.value: each for stage, each in current.versions.items()}
                if current
                else {},
            }
        )
        return
    for warning in found.warnings:
        console.print(f"[yellow]Warning:[/] {warning}", soft_wrap=True)
    done = "was added" if found.new else "is there already"
    console.print(f"{model} {done}: {found.folder}", highlight=False, soft_wrap=True)
    console.print(f"In use: {current}", highlight=False)
    if current and not current.stage(model.version):
        console.print(f"Next: wetread models promote {model.name} {model.version} --shadow")
