"""`wetread models reference`: what a model learned from, to hold against what it sees in use."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from inference.domain.errors import InputError
from inference.domain.job import ModelId
from wetread import settings
from wetread.bootstrap import build_registry
from wetread.cli.output import AsJson, console, print_json
from wetread.cli.validate import pair, progress_bar


def reference(
    name: str,
    data: Annotated[Path, typer.Argument(exists=True, help="As `wetread validate` takes it.")],
    version: Annotated[str, typer.Option(help="The active one if not said.")] = "",
    subset: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE: only such rows; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many cases.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read images as serving would, and keep how they and the answers are spread.

    Take those that the model learned from. `wetread_input_drift` compares with it.
    """
    from inference.validation.reference import Recorder
    from wetread.api.models import load_model
    from wetread.api.validation import validate
    from wetread.metrics.drift import REFERENCE

    recorder = Recorder(load_model(name, version))
    model: ModelId = recorder.manifest.model
    chosen = dict(pair(each) for each in subset or ())
    with progress_bar(as_json) as progress, tempfile.TemporaryDirectory() as out:
        task = progress.add_task(str(model), total=None)
        validate(
            recorder,
            data,
            out,
            subset=chosen,
            limit=limit,
            worst=0,
            begin=lambda cases: progress.update(task, total=cases),
            advance=lambda done: progress.advance(task, done),
        )
    try:
        document = recorder.document()
    except ValueError:
        raise InputError(f"{model} could read none of these images") from None
    file = build_registry(settings.load()).folder(model) / REFERENCE
    file.write_text(json.dumps(document, indent=1) + "\n")
    if as_json:
        print_json({"file": str(file), **document})
    else:
        console.print(f"{recorder.pictures} pictures: {file}", markup=False, soft_wrap=True)
