"""Small validations: images whose brightness is what the fake model answers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from inference.domain.errors import UnreadableInstance
from inference.domain.instance import Description
from inference.fakes.models import FakeModel
from inference.ports import Picture
from inference.validation.case import Case, Labels, read_cases
from inference.validation.opener import Opener
from inference.validation.record import Identity, Record
from inference.validation.sample import Sample

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("pneumonia", "Pneumonia")


def grey(path: Path, level: float, side: int = 32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), round(level * 255), np.uint8)).save(path)


def table(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def folder(root: Path, levels: Sequence[tuple[float, bool]], **columns: Sequence[object]) -> Path:
    """Write a labelled folder: each image has a level of grey and a label."""
    rows = []
    for index, (level, positive) in enumerate(levels):
        grey(root / f"{index:03}.png", level)
        more = {name: values[index] for name, values in columns.items()}
        label = "PNEUMONIA" if positive else "NORMAL"
        rows.append({"file": f"{index:03}.png", "label": label, **more})
    table(root / "labels.csv", rows)
    return root


def cases(root: Path) -> tuple[Case, ...]:
    return read_cases(root, None, Labels(), NAMES).cases


class NoDicom:
    """Neither describes nor reads."""

    def describe(self, path: Path) -> Description:
        raise UnreadableInstance("not a DICOM file")

    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        raise AssertionError("nothing to read")


def opener(model: FakeModel) -> Opener:
    return Opener(model.manifest, NoDicom().describe, NoDicom())


def identity(**changes: object) -> Identity:
    values: dict[str, object] = {
        "model": "cxr-pneumonia",
        "version": "1.0.0",
        "weights_sha256": "0" * 64,
        "output": "pneumonia",
        "threshold": 0.5,
        "label_column": "label",
        "positive": "PNEUMONIA",
    }
    return Identity(**(values | changes))  # type: ignore[arg-type]


def record(file: str, positive: bool, certainty: float | None, **more: object) -> Record:
    values: dict[str, object] = {
        "fingerprint": file,
        "patient_id": "",
        "presence": "" if certainty is None else "present",
    }
    return Record(file, positive=positive, certainty=certainty, **(values | more))  # type: ignore[arg-type]


def random_sample(cases: int = 200, seed: int = 0, gap: float = 1.5, levels: int = 0) -> Sample:
    """Scores of two normal distributions `gap` apart; `levels` of them, where it is not 0."""
    rng = np.random.default_rng(seed)
    positive = np.arange(cases) % 2 == 0
    scores = 1 / (1 + np.exp(-(rng.normal(0, 1, cases) + gap * positive - gap / 2)))
    if levels:
        scores = np.round(scores * levels) / levels
    return Sample(positive, scores, np.arange(cases))
