"""`wetread models export`: a model in a format that other software reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference.domain.job import ModelId
from inference.domain.manifest import Format
from wetread import settings
from wetread.bootstrap import build_registry
from wetread.cli.output import AsJson, console, print_json


def export(
    name: str,
    out: Annotated[Path, typer.Argument(help="The folder to write NAME-FORMAT/VERSION below.")],
    form: Annotated[Format, typer.Option("--format", help="torchscript, pt2 or onnx.")],
    version: Annotated[str, typer.Option(help="The active one if not said.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write a model and its manifest in another format."""
    from inference.models.export import export_model

    registry = build_registry(settings.load())
    model = ModelId(name, version) if version else registry.active(name)
    folder = export_model(registry.folder(model), form, out)
    if as_json:
        print_json({"folder": str(folder)})
    else:
        console.print(f"{model} is written to {folder}")
