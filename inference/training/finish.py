"""From a trained network to a shipped model: choose, package, measure, in this order."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from torch import nn

from inference.models.manifest import FILE_NAME, parse_model_file, read_model_file
from inference.models.network_model import NetworkModel
from inference.models.networks import build_network
from inference.models.registry import FolderRegistry
from inference.models.torch_model import TorchModel
from inference.ports import Picture
from inference.training.card import card
from inference.training.checkpoint import Checkpoint
from inference.training.config import Config
from inference.training.dataset import Example, Split, load_pixels, read_examples
from inference.training.evaluate import (
    Performance,
    choose_temperature,
    choose_threshold,
    performance,
)
from inference.training.package import pack_weights, write_package

_LIBRARIES = ("torch", "torchvision", "numpy", "opencv-python-headless", "scikit-learn")
_BATCH = 64  # pictures read at once


def finish(
    config: Config,
    data: Path,
    split: Split,
    network: nn.Module,
    state: Checkpoint,
    out: Path,
    progress: Progress,
) -> Path:
    """Write manifest, weights, `metrics.json` and `CARD.md`; return their folder.

    Validation images alone choose temperature and threshold. The test images, and those of
    other sources, are scored afterwards, by the packaged model as the service loads it.
    """
    folder = data / config.data.folder
    manifest = _manifest(config, temperature=1.0, threshold=0.5)
    plain = _unpackaged(network, config, manifest)
    targets = _targets(split.validation)
    scores = _scores(plain, folder, split.validation, "validation", progress).astype(np.float64)
    scores = np.clip(scores, 1e-7, 1 - 1e-7)
    logits = np.log(scores / (1 - scores))
    temperature = round(choose_temperature(targets, logits), 3)
    calibrated = 1 / (1 + np.exp(-logits / temperature))
    threshold = round(choose_threshold(targets, calibrated, config.validation.sensitivity), 4)
    where = write_package(out, pack_weights(network), _manifest(config, temperature, threshold))
    model_id = read_model_file(where / FILE_NAME).manifest.model
    shipped = FolderRegistry((out,), {model_id.name: model_id.version}).load(model_id)

    measured: dict[str, Performance] = {}
    parts = {"validation": (folder, split.validation), "test": (folder, split.test)}
    for other in config.evaluation:
        examples = read_examples(data / other.folder, other.column, other.positive)
        parts[other.name] = (data / other.folder, examples)
    for name, (root, examples) in parts.items():
        if len({each.positive for each in examples}) < 2:
            continue  # no test part was given
        certainties = _scores(shipped, root, examples, name, progress)
        _write_scores(out / f"scores-{name}.csv", examples, certainties)
        measured[name] = performance(
            _targets(examples),
            certainties,
            threshold,
            [each.patient_id for each in examples],
            [each.subtype for each in examples],
        )
    metrics = {
        "model": model_id.name,
        "version": model_id.version,
        "weights_sha256": shipped.manifest.weights_sha256,
        "data_sha256": split.digest,
        "images": {"training": len(split.train), "left_out": split.left_out},
        "training": {
            **dataclasses.asdict(config.network),
            **dataclasses.asdict(config.optimisation),
            "epoch_chosen": state.best_epoch,
            "history": [
                dict(zip(("loss", "auroc", "auroc_disturbed"), each, strict=True))
                for each in state.history
            ],
        },
        "versions": {"python": platform.python_version(), **_versions()},
        "temperature": temperature,
        "threshold": threshold,
        "threshold_chosen_for_sensitivity": config.validation.sensitivity,
        "performance": {name: dataclasses.asdict(each) for name, each in measured.items()},
    }
    (where / "metrics.json").write_text(json.dumps(_rounded(metrics), indent=2) + "\n")
    (where / "CARD.md").write_text(card(config, metrics, measured), encoding="utf-8")
    return where


def _manifest(config: Config, temperature: float, threshold: float) -> dict[str, Any]:
    """Return the content of `model.toml` but for the weights."""
    network = config.network
    calibration = (
        f"temperature {temperature:g} on the validation images, both classes weighing the "
        f"same; threshold {threshold:g} for a sensitivity of "
        f"{config.validation.sensitivity:.0%} there"
    )
    values = {key: value for key, value in config.manifest.items() if key != "output"}
    return {
        **values,
        "architecture": network.architecture,
        "calibration": calibration,
        "recipe": {
            "size": network.size,
            "mirror": network.mirror,
            "temperature": temperature,
        },
        "output": [{**each, "threshold": threshold} for each in config.manifest["output"]],
    }


def _unpackaged(network: nn.Module, config: Config, content: dict[str, Any]) -> TorchModel:
    """Return a copy of the network as the service would run it."""
    nameless = {**content, "weights": "weights.safetensors", "weights_sha256": "0" * 64}
    file = parse_model_file(nameless, FILE_NAME)
    copy = build_network(config.network.architecture, len(file.manifest.outputs))
    copy.load_state_dict(network.state_dict())
    return TorchModel(file.manifest, file.recipe, copy)


def _scores(
    model: NetworkModel, folder: Path, examples: Sequence[Example], name: str, progress: Progress
) -> NDArray[np.float32]:
    """Return (images,), the certainty of the first output."""
    task = progress.add_task(f"scoring {name}", total=len(examples))
    found = []
    for begin in range(0, len(examples), _BATCH):
        part = examples[begin : begin + _BATCH]
        pictures = [Picture(load_pixels(folder / each.file)) for each in part]
        found.append(model.certainties(pictures)[:, 0])
        progress.update(task, advance=len(part))
    return np.concatenate(found)


def _targets(examples: Sequence[Example]) -> NDArray[np.float64]:
    return np.array([each.positive for each in examples], dtype=np.float64)


def _write_scores(path: Path, examples: Sequence[Example], scores: NDArray[np.floating]) -> None:
    lines = [
        f"{each.file},{int(each.positive)},{score:.6f}"
        for each, score in zip(examples, scores, strict=True)
    ]
    path.write_text("\n".join(["file,positive,certainty", *lines]) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}


def _rounded(value: Any) -> Any:
    """Return `value` with six digits after the point, in all its parts."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
