"""Small models in folders, and pictures for them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from inference.models.networks import build_network
from inference.ports import Picture
from inference.training.package import pack_weights, write_package

SMALL = "torchvision/shufflenet_v2_x0_5"


def manifest_content(name: str = "small", version: str = "1.0.0") -> dict[str, Any]:
    """Return the content of a `model.toml` but for the weights."""
    return {
        "name": name,
        "version": version,
        "title": "A small model",
        "manufacturer": "Wetread",
        "architecture": SMALL,
        "calibration": "none",
        "intended_use": "tests",
        "licence": "Apache-2.0",
        "needs": {"modality": ["CR", "dx"], "minimum_rows": 64},
        "population": {"age_years": [1, 5], "outside": "refuse", "unknown": "flag"},
        "recipe": {"size": 64, "mirror": True, "temperature": 2.0},
        "output": [
            {
                "name": "pneumonia",
                "finding": ["233604007", "SCT", "Pneumonia"],
                "site": ["39607008", "SCT", "Lung"],
                "threshold": 0.4,
            }
        ],
    }


def write_model(root: Path, name: str = "small", version: str = "1.0.0", seed: int = 0) -> Path:
    """Write an untrained model below `root`; return its folder."""
    torch.manual_seed(seed)
    network = build_network(SMALL, 1)
    return write_package(root, pack_weights(network), manifest_content(name, version))


def picture(rows: int = 90, columns: int = 120, seed: int = 0) -> Picture:
    """Return smooth noise, 0 to 1."""
    return Picture(pixels(rows, columns, seed))


def pixels(rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12), dtype=np.uint8))
    smooth = coarse.resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32) / np.float32(255)


def write_images(folder: Path, train: int = 16, test: int = 4) -> None:
    """Write PNGs and a `labels.csv`; those with the finding have a bright left half."""
    folder.mkdir(parents=True)
    rows = []
    for index in range(train + test):
        positive = index % 2 == 1
        grey = pixels(70, 80, index) * np.float32(0.5)
        if positive:
            grey[:, :40] += np.float32(0.5)
        file = f"{index:02}.png"
        Image.fromarray((grey * 255).astype(np.uint8)).save(folder / file)
        part = "train" if index < train else "test"
        label = "PNEUMONIA" if positive else "NORMAL"
        rows.append([file, label, f"person{index}", part, "virus" if positive else "", "no"])
    with (folder / "labels.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(
            ["file", "label", "patient_id", "split", "subtype", "person_id_also_in_test"]
        )
        writer.writerows(rows)
