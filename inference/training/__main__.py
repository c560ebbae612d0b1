"""`python -m inference.training CONFIG --data DIR --out DIR [--resume]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inference.training.train import run


def main(
    config: Annotated[Path, typer.Argument(help="the training's TOML file")],
    data: Annotated[Path, typer.Option(help="the folder that holds the folders of images")],
    out: Annotated[Path, typer.Option(help="where checkpoints and the model go")],
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint")] = False,
) -> None:
    """Train a model, measure it and package it."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    print(run(config, data, out, resume, progress))


if __name__ == "__main__":
    typer.run(main)
