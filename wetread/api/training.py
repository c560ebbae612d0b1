"""Training, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from inference.ports import Model
from wetread.api.models import load_model


@dataclass(frozen=True, slots=True)
class Epoch:
    """`loss` is the mean over the epoch's training images. Both AUROCs are of the validation
    images: as they are, and changed as if they were acquired elsewhere.
    """

    loss: float
    auroc: float
    auroc_disturbed: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was trained: `folder` is `NAME/VERSION` below the folder of the run."""

    folder: Path

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return (self.folder / "CARD.md").read_text(encoding="utf-8")

    @property
    def metrics(self) -> dict[str, Any]:
        """All that was measured, as `metrics.json` holds it."""
        found: dict[str, Any] = json.loads((self.folder / "metrics.json").read_text())
        return found

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs in their order; none where training had no epochs."""
        training = self.metrics.get("training", {})
        return tuple(Epoch(**each) for each in training.get("history", ()))

    def load(self) -> Model:
        """Return the model, ready to read."""
        return load_model(self.folder)


def train(
    config: str | Path,
    data: str | Path,
    out: str | Path = "runs",
    *,
    resume: bool = False,
    verbose: bool = False,
) -> Trained:
    """Train as `wetread train` does, measure the model once on its test images, package it.

    `config` is a training configuration, TOML, or the name of a shipped model; `data` the
    folder of the data sets that it names. `out` takes a checkpoint after every epoch, from
    which `resume` goes on. `verbose` prints a line for each epoch. Raises `SettingsError`.
    """
    from dicom_node.pixels import DicomPixelReader
    from inference.training.config import find_config
    from inference.training.train import run

    # Bars that move belong on a terminal; in a notebook they would leave widgets behind.
    console = Console(force_jupyter=False, force_terminal=False, width=100, quiet=not verbose)
    progress = Progress(console=console, disable=True)
    return Trained(
        run(
            find_config(str(config)),
            Path(data),
            Path(out),
            resume=resume,
            progress=progress,
            pixels=DicomPixelReader(),
        )
    )
