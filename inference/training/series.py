"""Train a model of CT Series: slices, densities, folds by patient, a line through all of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor

from inference.domain.errors import SettingsError
from inference.models.density import OpenedDensity
from inference.ports import PixelReader
from inference.training.series_folds import Candidates, Choice, choose, fit, learned, out_of_fold
from inference.training.series_slices import Slice, read_slices, view

KIND = "series"  # of the training configuration

_BATCH = 16  # pictures at once


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of the configuration; `manifest` goes into `model.toml` as it stands.

    `folder` is below the data folder and holds a `labels.csv`, whose `column` is `positive`
    where the finding is. `levels`, `softness`, `tissue` and `bone` are HU; `radii` and
    `reaches`, pixels, and `strengths` (the inverse of the penalty, as in scikit-learn) are
    what the inner folds choose from. `fields_mm`: what is learned are views of every slice
    with these fields of view, so that the width of its own tells nothing.
    """

    manifest: Mapping[str, Any]
    folder: str
    column: str
    positive: str
    attribution: str
    seed: int
    size: int
    levels: Sequence[float]
    softness: float
    tissue: float
    bone: float
    radii: Sequence[int]
    reaches: Sequence[int]
    strengths: Sequence[float]
    fields_mm: Sequence[float]
    repeats: int
    folds: int
    inner_folds: int
    threshold: float
    compare: bool = True  # with the frozen features of EfficientNet-Lite0
    limits: Sequence[str] = ()  # for the card
    remarks: Sequence[str] = ()

    @property
    def window(self) -> tuple[float, float]:
        low, high = self.manifest["window"]
        return float(low), float(high)

    @property
    def views(self) -> tuple[float, ...]:
        """Fields of view, mm; 0.0 for the slice as it is, which comes first."""
        return (0.0, *self.fields_mm)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the folds gave. `logits`: (views, repeats, slices), of slices whose patient was not
    learned from; `chosen`: in every fold of every repeat; `others`: `logits` by what was
    tried beside it.
    """

    slices: Sequence[Slice]
    logits: NDArray[np.float64]
    chosen: Sequence[Choice]
    others: Mapping[str, NDArray[np.float64]]


def run(
    config: Path, data: Path, out: Path, reader: PixelReader | None, progress: Progress
) -> Path:
    """Return the folder of the model, which holds what `inference.training.train.run` says."""
    from inference.training.series_finish import finish  # it needs this module

    if reader is None:
        raise SettingsError("a model of Series learns from DICOM files; hand in a PixelReader")
    settings = read_settings(config)
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    folder = data / settings.folder
    slices = read_slices(folder, settings.column, settings.positive, reader, settings.window)
    targets, patients = labels(slices)
    candidates = densities(settings, slices, progress)
    logits, chosen = out_of_fold(candidates, targets, patients, settings, progress)
    evidence = Evidence(slices, logits, chosen, _others(settings, slices, candidates, progress))
    # The choice that every fold made on its own patients, now made on all of them.
    choice = choose(candidates, targets, patients, settings, range(settings.repeats))
    network = package_network(settings, candidates, targets, choice)
    out.mkdir(parents=True, exist_ok=True)
    return finish(settings, evidence, choice, network, out)


def read_settings(config: Path) -> Settings:
    """Raises `SettingsError` that names what is wrong."""
    raw = tomllib.loads(config.read_text(encoding="utf-8"))
    raw.pop("kind", None)
    try:
        settings = Settings(**raw)
    except TypeError as error:
        raise SettingsError(f"{config.name}: {error}") from None
    if len(settings.manifest.get("window", ())) != 2:
        raise SettingsError(f"{config.name}: write manifest.window = [low, high], HU")
    return settings


def labels(slices: Sequence[Slice]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return targets and patients, (slices,)."""
    return (
        np.array([each.positive for each in slices], dtype=np.float64),
        np.array([each.patient_id for each in slices]),
    )


def densities(settings: Settings, slices: Sequence[Slice], progress: Progress) -> Candidates:
    """Return the shares of tissue: (views, slices, levels)."""
    keys = list(product(settings.radii, settings.reaches))
    networks = [start(settings, *key) for key in keys]
    found: list[list[NDArray[np.float64]]] = [[] for _ in keys]
    task = progress.add_task("densities", total=len(settings.views))
    for inputs in _inputs(settings, slices):
        for place, network in enumerate(networks):
            found[place].append(_shares(network, inputs))
        progress.update(task, advance=1)
    return {key: np.stack(each) for key, each in zip(keys, found, strict=True)}


def _inputs(settings: Settings, slices: Sequence[Slice]) -> Iterator[Tensor]:
    """Yield, view by view, (slices, 3, size, size)."""
    for field_mm in settings.views:
        yield torch.stack([view(each.picture, settings.size, field_mm) for each in slices])


def start(settings: Settings, radius: int, reach: int) -> OpenedDensity:
    """Return a network that sees densities and has learned nothing yet."""
    network = OpenedDensity(1, radius, reach)
    low, high = settings.window
    network.set_levels(
        [(level - low) / (high - low) for level in settings.levels],
        settings.softness / (high - low),
        (settings.tissue - low) / (high - low),
        settings.bone / (high - low),
    )
    return network.eval()


def package_network(
    settings: Settings, candidates: Candidates, targets: NDArray[np.float64], choice: Choice
) -> OpenedDensity:
    """Return the network that learned from every slice, with its line in its last layer."""
    line = fit(learned(candidates[choice.key]), targets, choice.strength)
    network = start(settings, *choice.key)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(line.weights)[None])
        network.head.bias.fill_(line.bias)
    return network


@torch.inference_mode()
def _shares(network: OpenedDensity, inputs: Tensor) -> NDArray[np.float64]:
    found = [network.shares(inputs[at : at + _BATCH]) for at in range(0, len(inputs), _BATCH)]
    return torch.cat(found).numpy().astype(np.float64)


def _others(
    settings: Settings, slices: Sequence[Slice], candidates: Candidates, progress: Progress
) -> dict[str, NDArray[np.float64]]:
    """Score, in the same folds, what could have been taken instead."""
    from inference.training.series_trunk import FEATURES, trunk_features

    targets, patients = labels(slices)
    tried: dict[str, Candidates] = {}
    if 0 in settings.reaches:
        tried["densities with bone"] = {
            key: each for key, each in candidates.items() if key[1] == 0
        }
    if settings.compare:
        seen = [trunk_features(inputs, progress) for inputs in _inputs(settings, slices)]
        for place, name in enumerate(FEATURES):
            tried[name] = {(0, 0): np.stack([each[place] for each in seen])}
    return {
        name: out_of_fold(features, targets, patients, settings, progress)[0]
        for name, features in tried.items()
    }
