"""From a trained gate to a shipped one: package it, then measure what was packaged."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.torch import save

from inference.domain.recognition import Kind, Recognition, passes
from inference.models.gate import KINDS, GateFile, GateNetwork, TorchGate, load_gate
from inference.models.kinds import GATE
from inference.models.manifest import FILE_NAME
from inference.models.toml import to_toml
from inference.ports import Picture
from inference.training.evaluate import wilson
from inference.training.gate import Features, Settings, fit_head
from inference.training.gate_card import card
from inference.training.gate_images import Image
from inference.training.gate_views import WRONG, spoil
from inference.training.package import WEIGHTS

_LIBRARIES = ("torch", "numpy", "opencv-python-headless", "pydicom-data", "scikit-image")
_FOLDS = 3  # of the photos
_BATCH = 64  # pictures
ACCEPTED = (Kind.FRONTAL_CHEST,)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """Pictures that truly are one thing: how many the gate took for what, and let pass."""

    seen: dict[str, int]
    passed: int
    of: int
    low: float  # of the share that passed, 95 %
    high: float


def finish(
    settings: Settings,
    images: Sequence[Image],
    data_sha256: str,
    network: GateNetwork,
    train: Features,
    thresholds: tuple[float, float],
    out: Path,
    progress: Progress,
) -> Path:
    """Write manifest, weights, `metrics.json` and `CARD.md`; return their folder.

    The test images are scored here, once, after every choice was made.
    """
    folder = package(settings, network, thresholds, out)
    gate = load_gate(folder / FILE_NAME)
    measured: dict[str, Row] = {}
    for name, pictures in _test_sets(settings, images):
        task = progress.add_task(f"scoring {name}", total=1)
        measured[name] = _row(gate, pictures)
        progress.update(task, advance=1)
    strangers = _strangers(settings, images, network, train, thresholds, progress)
    weights_sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    parts = Counter((each.kind.value, each.part) for each in images)
    metrics: dict[str, Any] = {
        "model": settings.manifest["name"],
        "version": settings.manifest["version"],
        "weights_sha256": weights_sha256,
        "data_sha256": data_sha256,
        "images": {f"{kind}, {part}": count for (kind, part), count in sorted(parts.items())},
        "views": dict(Counter(KINDS[int(each)].value for each in train.kinds)),
        "training": {
            "seed": settings.seed,
            "epochs": settings.epochs,
            "batch": settings.batch,
            "learning_rate": settings.learning_rate,
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "certainty": thresholds[0],
        "distance": thresholds[1],
        "test": {name: dataclasses.asdict(row) for name, row in measured.items()},
        "left_out_in_turn": strangers,
        "remarks": list(settings.remarks),
        "list": [[each.name, each.part, each.group, each.sha256] for each in images],
    }
    text = json.dumps({k: v for k, v in metrics.items() if k != "list"}, indent=2)
    (folder / "metrics.json").write_text(text + "\n")
    (out / "images.json").write_text(json.dumps(metrics["list"], indent=0) + "\n")
    (folder / "CARD.md").write_text(card(settings.manifest, metrics), encoding="utf-8")
    return folder


def package(
    settings: Settings, network: GateNetwork, thresholds: tuple[float, float], out: Path
) -> Path:
    """Write weights and manifest; the backbone in half precision, as it was when it learned."""
    weights = save(
        {
            name: (
                value.half() if name.startswith("trunk.") and value.is_floating_point() else value
            )
            .detach()
            .contiguous()
            for name, value in network.state_dict().items()
        }
    )
    content = {
        "kind": GATE,
        **settings.manifest,
        "architecture": "efficientnet-lite0",
        "weights": WEIGHTS,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "kinds": [kind.value for kind in KINDS],
        "recipe": {
            "size": settings.size,
            "certainty": thresholds[0],
            "distance": thresholds[1],
        },
    }
    folder = out / str(content["name"]) / str(content["version"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / FILE_NAME).write_text(to_toml(content), encoding="utf-8")
    return folder


def _test_sets(
    settings: Settings, images: Sequence[Image]
) -> Iterator[tuple[str, list[NDArray[np.float32]]]]:
    held = [each for each in images if each.part == "test"]
    sets = (
        ("adults", "cxr-nih-512"),
        ("children", "cxr-kermany-224"),
        ("DICOM samples", "dicom-samples"),
    )
    for name, folder in sets:
        chests = [each.unit() for each in held if _folder(settings, each) == folder]
        yield name, chests
        for kind in WRONG:
            yield (
                f"{name}: {kind.value}",
                [spoil(each, kind, corner=place % 4) for place, each in enumerate(chests)],
            )
    yield "CT slices", [each.unit() for each in held if each.kind is Kind.CT_SLICE]


def _folder(settings: Settings, image: Image) -> str:
    return str(settings.source[image.source].get("folder", ""))


def _row(gate: TorchGate, pictures: Sequence[NDArray[np.float32]]) -> Row:
    found: list[Recognition] = []
    for begin in range(0, len(pictures), _BATCH):
        found += gate.look([Picture(each) for each in pictures[begin : begin + _BATCH]])
    passed = sum(passes(each, ACCEPTED) for each in found)
    share = wilson(passed, len(found))
    seen = dict(Counter(each.kind.value for each in found))
    return Row(seen, passed, len(found), share.low, share.high)


def _strangers(
    settings: Settings,
    images: Sequence[Image],
    network: GateNetwork,
    train: Features,
    thresholds: tuple[float, float],
    progress: Progress,
) -> list[dict[str, Any]]:
    """Leave out each group, and ask a gate that never saw its like."""
    singles: dict[str, list[int]] = {}
    for place, image in enumerate(images):
        chest = image.kind is Kind.FRONTAL_CHEST
        if chest or image.part != "training" or _folder(settings, image) == "ct-contrast-siim":
            continue
        photo = image.group == image.name
        fold = int(hashlib.sha256(image.name.encode()).hexdigest(), 16) % _FOLDS
        singles.setdefault(f"photos {fold + 1}" if photo else image.group, []).append(place)
    file = GateFile("left-out", "0", "", "", settings.size, *thresholds)
    task = progress.add_task("leaving out", total=len(singles))
    found: list[dict[str, Any]] = []
    for group, places in sorted(singles.items()):
        without = copy.deepcopy(network).requires_grad_(True)
        fit_head(without, train.only(~np.isin(train.images, places)), settings)
        row = _row(TorchGate(file, without), [images[place].unit() for place in places])
        found.append(
            {"group": group, "kind": images[places[0]].kind.value}
            | {"of": row.of, "passed": row.passed, "seen": row.seen}
        )
        progress.update(task, advance=1)
    torch.manual_seed(settings.seed)
    return found
