"""From a trained model of Series to a shipped one: calibrate, package, check, write its card."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.domain.pooling import Pooling, pool
from inference.models.density import OPENED_DENSITY, OpenedDensity
from inference.models.manifest import FILE_NAME, read_model_file
from inference.models.registry import FolderRegistry
from inference.training.evaluate import choose_temperature
from inference.training.package import pack_weights, write_package
from inference.training.series import Evidence, Settings, labels
from inference.training.series_card import card
from inference.training.series_folds import Choice, Numbers
from inference.training.series_measure import bins, by_patient, measure, pairs_within
from inference.training.series_slices import digest, view

_LIBRARIES = ("torch", "numpy", "scikit-learn", "pydicom")
_SAME = 1e-4  # between the certainties of the trained and of the packaged network


def finish(
    settings: Settings, evidence: Evidence, choice: Choice, network: OpenedDensity, out: Path
) -> Path:
    """Write manifest, weights, `metrics.json` and `CARD.md`; return their folder.

    `scores.csv` and `slices.json` go to `out`: every out-of-fold answer, and what was read.
    """
    targets, patients = labels(evidence.slices)
    plain = evidence.logits[0]
    temperature = round(_temperature(targets, plain), 3)
    folder = write_package(out, pack_weights(network), _manifest(settings, choice, temperature))
    weights_sha256 = _check(evidence, settings, network, temperature, folder)
    certainties = _certainty(plain, temperature)
    pooling = Pooling(settings.manifest.get("pooling", Pooling.MEAN))
    grouped = by_patient(targets, certainties, patients, lambda each: pool(each, pooling))
    performance = {
        "slices, out of fold": measure(targets, certainties, patients, settings.threshold),
        "patients, out of fold": measure(*grouped, settings.threshold),
    }
    for field_mm, logits in zip(settings.fields_mm, evidence.logits[1:], strict=True):
        performance[f"slices, all with a field of view of {field_mm:g} mm"] = measure(
            targets, _certainty(logits, temperature), patients, settings.threshold
        )
    both, pairs, right = pairs_within(targets, certainties, patients)
    metrics: dict[str, Any] = {
        "model": settings.manifest["name"],
        "version": settings.manifest["version"],
        "weights_sha256": weights_sha256,
        "data_sha256": digest(evidence.slices),
        "slices": len(evidence.slices),
        "patients": len(set(patients)),
        "training": {
            key: value
            for key, value in dataclasses.asdict(settings).items()
            if key not in ("manifest", "limits", "remarks", "attribution")
        }
        | dataclasses.asdict(choice),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "temperature": temperature,
        "threshold": settings.threshold,
        "performance": {name: dataclasses.asdict(each) for name, each in performance.items()},
        "brier_uncalibrated": float(np.mean((_certainty(plain, 1.0) - targets) ** 2)),
        "calibration": [dataclasses.asdict(each) for each in bins(targets, certainties)],
        "within_patients": {"patients": both, "pairs": pairs, "right": right},
        "chosen_in_folds": {
            f"{radius} and {reach}": count
            for (radius, reach), count in Counter(each.key for each in evidence.chosen).items()
        },
        "others": {
            name: dataclasses.asdict(
                measure(targets, _certainty(logits[0], 1.0), patients, settings.threshold)
            )
            for name, logits in evidence.others.items()
        },
    }
    (folder / "metrics.json").write_text(json.dumps(_rounded(metrics), indent=2) + "\n")
    (folder / "CARD.md").write_text(card(settings, metrics), encoding="utf-8")
    _write_lists(evidence, certainties, out)
    return folder


def _manifest(settings: Settings, choice: Choice, temperature: float) -> dict[str, Any]:
    """Return the content of `model.toml` but for the weights."""
    values = {key: value for key, value in settings.manifest.items() if key != "output"}
    return {
        **values,
        "architecture": f"{OPENED_DENSITY}{choice.radius}-{choice.reach}",
        "calibration": (
            f"temperature {temperature:g} on out-of-fold answers, both classes weighing the "
            f"same; threshold {settings.threshold:g}, fixed beforehand"
        ),
        "recipe": {"size": settings.size, "intensity": "unit", "temperature": temperature},
        "output": [
            {**each, "threshold": settings.threshold} for each in settings.manifest["output"]
        ],
    }


def _temperature(targets: Numbers, logits: Numbers) -> float:
    """Return one temperature for all repeats; `logits` are (repeats, slices)."""
    return choose_temperature(np.tile(targets, len(logits)), logits.reshape(-1))


def _certainty(logits: Numbers, temperature: float) -> Numbers:
    result: Numbers = 1 / (1 + np.exp(-logits / temperature))
    return result


def _check(
    evidence: Evidence,
    settings: Settings,
    network: OpenedDensity,
    temperature: float,
    folder: Path,
) -> str:
    """Ask the packaged model, as the service loads it; return the SHA-256 of its weights.

    Raises `ValueError` if it answers otherwise than the trained network.
    """
    model_id = read_model_file(folder / FILE_NAME).manifest.model
    registry = FolderRegistry((folder.parent.parent,), {model_id.name: model_id.version})
    shipped = registry.load(model_id)
    with torch.inference_mode():
        inputs = torch.stack([view(each.picture, settings.size) for each in evidence.slices])
        own = _certainty(network(inputs)[:, 0].double().numpy(), temperature)
    served = shipped.certainties([each.picture for each in evidence.slices])[:, 0]
    if float(np.abs(served - own).max()) > _SAME:
        raise ValueError(f"{model_id} answers otherwise than the network that was trained")
    return shipped.manifest.weights_sha256


def _write_lists(evidence: Evidence, certainties: Numbers, out: Path) -> None:
    lines = ["file,patient_id,positive,certainty"]
    lines += [
        f"{each.file},{each.patient_id},{int(each.positive)},{certainty:.6f}"
        for each, certainty in zip(evidence.slices, certainties.mean(axis=0), strict=True)
    ]
    (out / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    listed = [[each.file, each.patient_id, each.sha256] for each in evidence.slices]
    (out / "slices.json").write_text(json.dumps(listed, indent=0) + "\n")


def _rounded(value: Any) -> Any:
    """Return `value` with six digits after the point, in all its parts."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
