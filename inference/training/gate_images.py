"""The images of a gate's training: from data folders and from packages, each in one part."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.domain.errors import SettingsError
from inference.domain.recognition import Kind
from inference.models.preprocessing import resize
from inference.ports import PixelReader
from inference.training.dataset import load_pixels

SIZE = 224  # rows and columns in which images are kept, pixels


@dataclass(frozen=True, slots=True)
class Source:
    """Where images come from: `folder` below the data folder, or an installed `package`.

    Patients are in `labels.csv`, where there is one and `group` is empty; else `group`
    names whom or what the images show. `parts`: shares of patients for training and
    validation; the rest is for the test. `take`: so many patients at most, half of them of
    each label. `views`: of each training image.
    """

    kind: Kind
    files: tuple[str, ...]
    folder: str = ""
    package: str = ""
    group: str = ""
    parts: tuple[float, float] = (1.0, 0.0)
    take: int = 0
    views: int = 1
    part: str = ""  # all of it, whatever `parts` says


@dataclass(frozen=True, slots=True)
class Image:
    """`pixels`: (SIZE, SIZE), uint8, squashed. `source` is the place of its `Source`."""

    name: str
    source: int
    kind: Kind
    group: str
    part: str  # training, validation or test
    sha256: str
    pixels: NDArray[np.uint8] = field(repr=False)

    def unit(self) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self.pixels.astype(np.float32) / np.float32(255)
        return result


def read_sources(tables: Sequence[Mapping[str, Any]]) -> tuple[Source, ...]:
    """Raises `SettingsError`."""
    try:
        return tuple(
            Source(
                **{
                    **table,
                    "kind": Kind(table["kind"]),
                    "files": tuple(table["files"]),
                    "parts": tuple(table.get("parts", (1.0, 0.0))),
                }
            )
            for table in tables
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"[[source]]: {error}") from None


def read_images(
    sources: Sequence[Source], data: Path, reader: PixelReader, seed: int
) -> list[Image]:
    """Read all images. The same bytes are taken once, for the source that comes first."""
    images: list[Image] = []
    known: set[str] = set()
    for place, source in enumerate(sources):
        root = _root(source, data)
        for name, group, part in _chosen(source, root, seed):
            path = root / name
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            if sha256 in known:
                continue
            known.add(sha256)
            dicom = path.suffix == ".dcm"
            pixels = reader.read(path).pixels if dicom else load_pixels(path)
            small = np.rint(resize(pixels, SIZE) * 255).astype(np.uint8)
            images.append(Image(name, place, source.kind, group, part, sha256, small))
    return images


def digest(images: Sequence[Image]) -> str:
    """Return a SHA-256 over all images with the part and the kind that each was given."""
    total = hashlib.sha256()
    for each in images:
        total.update(f"{each.name},{each.sha256},{each.part},{each.group},{each.kind}\n".encode())
    return total.hexdigest()


def _root(source: Source, data: Path) -> Path:
    if not source.package:
        return data / source.folder
    try:
        return Path(str(distribution(source.package).locate_file("")))
    except PackageNotFoundError:
        raise SettingsError(f"the training needs the package {source.package}") from None


def _chosen(source: Source, root: Path, seed: int) -> list[tuple[str, str, str]]:
    """Return (file, group, part)."""
    table = root / "labels.csv"
    if source.group or source.package or not table.exists():
        files = sorted({path for pattern in source.files for path in root.glob(pattern)})
        if not files:
            raise SettingsError(f"no image of {', '.join(source.files)} is there")
        part = source.part or "training"
        names = [path.relative_to(root).as_posix() for path in files]
        return [(name, source.group or name, part) for name in names]
    with table.open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row.get("person_id_also_in_test", "no") != "yes"
            and any(Path(row["file"]).match(pattern) for pattern in source.files)
        ]
    labels: dict[str, str] = {row["patient_id"]: row.get("label", "") for row in rows}
    parts: dict[str, str] = {}
    for label in sorted(set(labels.values())):
        patients = sorted(
            (each for each, its in labels.items() if its == label),
            key=lambda each: hashlib.sha256(f"{seed}:{each}".encode()).digest(),
        )
        if source.take:
            patients = patients[: source.take // len(set(labels.values()))]
        first = round(source.parts[0] * len(patients))
        second = first + round(source.parts[1] * len(patients))
        for place, patient in enumerate(patients):
            part = "training" if place < first else "validation" if place < second else "test"
            parts[patient] = source.part or part
    chosen: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for row in sorted(rows, key=lambda row: row["file"]):
        patient = row["patient_id"]
        # Of a patient with many images one is enough, where not all patients are taken.
        if patient in parts and not (source.take and patient in seen):
            seen.add(patient)
            chosen.append((row["file"], patient, parts[patient]))
    return chosen
