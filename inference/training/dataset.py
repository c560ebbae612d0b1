"""The images of a training, split by patient."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.models.preprocessing import resize


@dataclass(frozen=True, slots=True)
class Example:
    """`file` is relative to the folder of `labels.csv`."""

    file: str
    positive: bool
    patient_id: str
    subtype: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """`digest` is a SHA-256 over all rows with the part that each was given."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    left_out: int
    digest: str


def read_split(folder: Path, positive: str, fraction: float, seed: int) -> Split:
    """Read `labels.csv`; `fraction` of the training patients of each class are held out.

    A row of a person who also occurs in the test part is left out.
    """
    rows = _rows(folder / "labels.csv")
    usable = [row for row in rows if row.get("person_id_also_in_test", "no") != "yes"]
    test = _examples([row for row in usable if row.get("split") == "test"], positive)
    pool = _examples([row for row in usable if row.get("split") != "test"], positive)
    held_out = _held_out(pool, fraction, seed)
    train = tuple(each for each in pool if each.patient_id not in held_out)
    validation = tuple(each for each in pool if each.patient_id in held_out)
    shared = {each.patient_id for each in test} & {each.patient_id for each in pool}
    if shared:
        raise ValueError(f"{len(shared)} patients are in training and test: {min(shared)}, …")
    for name, part in (("training", train), ("validation", validation)):
        if len({each.positive for each in part}) < 2:
            raise ValueError(f"the {name} part needs images with and without {positive}")
    return Split(train, validation, test, len(rows) - len(usable), _digest(train, validation, test))


def read_examples(folder: Path, column: str, positive: str) -> tuple[Example, ...]:
    """Read a `labels.csv` that is for evaluation as a whole; `column` holds the label."""
    return tuple(
        Example(row["file"], row[column] == positive, row["patient_id"])
        for row in _rows(folder / "labels.csv")
    )


def load_pixels(path: Path) -> NDArray[np.float32]:
    """Return (rows, columns), float32, 0 to 1."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"), dtype=np.float32)
    return grey / np.float32(255)


def load_images(folder: Path, examples: Sequence[Example], size: int) -> NDArray[np.uint8]:
    """Return (images, size, size), uint8, resized as in serving: all fit into memory."""
    images = np.empty((len(examples), size, size), dtype=np.uint8)
    for index, example in enumerate(examples):
        images[index] = np.rint(resize(load_pixels(folder / example.file), size) * 255)
    return images


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"file", "patient_id"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path.name} lacks the column {', '.join(sorted(missing))}")
        return list(reader)


def _examples(rows: Sequence[dict[str, str]], positive: str) -> tuple[Example, ...]:
    return tuple(
        Example(row["file"], row["label"] == positive, row["patient_id"], row.get("subtype", ""))
        for row in sorted(rows, key=lambda row: row["file"])
    )


def _held_out(pool: Sequence[Example], fraction: float, seed: int) -> set[str]:
    """Choose patients by a hash, so that a new image of a patient never changes the split."""
    chosen: set[str] = set()
    for positive in (False, True):
        patients = sorted(
            {each.patient_id for each in pool if each.positive is positive},
            key=lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).digest(),
        )
        chosen.update(patients[: max(1, round(fraction * len(patients)))])
    return chosen


def _digest(*parts: Sequence[Example]) -> str:
    digest = hashlib.sha256()
    for number, part in enumerate(parts):
        for each in part:
            digest.update(f"{number},{each.file},{each.positive},{each.patient_id}\n".encode())
    return digest.hexdigest()
