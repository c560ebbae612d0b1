"""`wetread train`: from labelled images to a model with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wetread.cli.output import AsJson, console, print_json


def train(
    config: Annotated[
        str, typer.Argument(help="The name of a shipped model, or a training configuration, TOML.")
    ],
    data: Annotated[Path, typer.Option(help="The folder of the configuration's data sets.")],
    out: Annotated[Path, typer.Option(help="Where checkpoints and the model go.")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model, measure it once on its test images, and write weights, manifest and card."""
    from dicom_node.pixels import DicomPixelReader
    from inference.training.config import find_config
    from inference.training.train import run

    path = find_config(config)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=as_json,
    ) as progress:
        folder = run(path, data, out, resume=resume, progress=progress, pixels=DicomPixelReader())
    if as_json:
        metrics = json.loads((folder / "metrics.json").read_text())
        print_json({"folder": str(folder), "metrics": metrics})
    else:
        console.print((folder / "CARD.md").read_text(), markup=False)
        console.print(f"The model is in {folder}", markup=False)
