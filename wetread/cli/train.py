"""`wetread train`: from a labelled folder to a model with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wetread.cli.output import AsJson, console, print_json


def train(
    config: Annotated[Path, typer.Argument(help="A training configuration, TOML.", exists=True)],
    data: Annotated[Path, typer.Option(help="The folder that holds labels.csv.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where checkpoints and the model go.")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model, measure it once on its test images, and write weights, manifest and card."""
    from inference.training.train import run

    outcome = run(config, data, out, resume=resume, show_progress=not as_json)
    if as_json:
        print_json(outcome)
    else:
        console.print(outcome)
