"""Drawn radiographs: made up, of nobody, and no substitute for real ones.

A chest is a few soft shapes, a mass a bright spot in a lung. They are good for one thing: to
go through training, validation and serving in a minute, without anybody's images.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

SIDE = 160  # rows and columns, pixels


@dataclass(frozen=True)
class Person:
    number: int
    mass: bool
    age: int  # years
    sex: str


def people(count: int, seed: int) -> Iterator[Person]:
    """Yield people, every second one with a mass."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        yield Person(
            number, number % 2 == 1, int(rng.integers(20, 90)), str(rng.choice(["F", "M"]))
        )


def draw(person: Person, seed: int, *, grain: float = 0.03) -> NDArray[np.float32]:
    """Return a chest, (SIDE, SIDE), float32, 0 (black) to 1 (white).

    `grain` is the standard deviation of the noise: a poorer detector has more.
    """
    rng = np.random.default_rng((seed, person.number))
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    across = (across - rng.normal(0, 0.03)) * rng.uniform(0.92, 1.1)
    down = (down - rng.normal(0, 0.04)) * rng.uniform(0.92, 1.1)
    body = _soft(1 - (across / 0.95) ** 4 - ((down - 0.2) / 1.25) ** 4, 0.15)
    lungs = np.zeros_like(across)
    for side in (-1, 1):
        inside = 1 - ((across - 0.42 * side) / 0.31) ** 2 - (np.abs(down + 0.05) / 0.68) ** 2.6
        lungs = np.maximum(lungs, _soft(inside, 0.2))
    heart = _soft(1 - ((across - 0.14) / 0.3) ** 2 - ((down - 0.32) / 0.34) ** 2, 0.25)
    spine = np.exp(-((across / 0.1) ** 2))
    ribs = np.sin(22 * (down + 0.55 * across**2) + rng.uniform(0, 6)) ** 8 * (np.abs(across) > 0.12)
    lungs = lungs * (1 - heart)
    picture = 0.08 + 0.62 * body - 0.42 * lungs + 0.12 * spine * body + 0.09 * ribs * body
    picture += 0.05 * _clouds(rng) * lungs
    if person.mass:
        picture += _mass(across, down, rng) * lungs
    # Every exposure is another.
    picture = np.clip(picture, 0, 1) ** rng.uniform(0.8, 1.25)
    picture += rng.normal(0, grain, picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32)


def write_training_set(folder: Path, count: int = 240, seed: int = 1) -> None:
    """Write PNGs and the `labels.csv` that training reads; a fifth is the test part."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for each in people(count, seed):
        file = f"{each.number:03}.png"
        Image.fromarray(np.rint(draw(each, seed) * 255).astype(np.uint8)).save(folder / file)
        part = "test" if each.number // 2 % 5 == 0 else "train"
        label = "mass" if each.mass else "none"
        rows.append({"file": file, "label": label, "patient_id": f"A{each.number}", "split": part})
    _write_table(folder, rows)


def write_validation_set(folder: Path, count: int = 120, seed: int = 2) -> None:
    """Write DICOM files and a `labels.csv`, as if of a second hospital.

    Its detector is poorer. Among the chests are four hands, which no chest model should read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for each in people(count, seed):
        file = f"{each.number:03}.dcm"
        body_part = "HAND" if each.number < 4 else "CHEST"
        write_dicom(folder / file, each, draw(each, seed, grain=0.06), body_part)
        rows.append(
            {
                "file": file,
                "label": "mass" if each.mass else "none",
                "patient_id": f"B{each.number}",
            }
        )
    _write_table(folder, rows)


def write_dicom(
    path: Path, person: Person, picture: NDArray[np.float32], body_part: str = "CHEST"
) -> None:
    """Write `picture` as a Computed Radiography image of 12 bits."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = ComputedRadiographyImageStorage
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        # The same file again has the same identity.
        setattr(ds, keyword, generate_uid(entropy_srcs=[keyword, str(path.name), str(person)]))
    ds.PatientName, ds.PatientID = "Drawn^Nobody", f"B{person.number}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "", person.sex, f"{person.age:03}Y"
    ds.StudyDate, ds.StudyTime, ds.StudyID = "20240301", "101500", "1"
    ds.AccessionNumber, ds.ReferringPhysicianName = "", ""
    ds.Modality, ds.Manufacturer = "CR", "Drawn"
    ds.BodyPartExamined, ds.ViewPosition = body_part, "PA"
    ds.PatientOrientation, ds.Laterality = ["L", "F"], ""
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = picture.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    ds.PixelData = np.rint(picture * 4095).astype("<u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)


def _soft(inside: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
    """Return 1 inside, 0 outside, and between them a border as wide as `edge`."""
    return np.clip(inside / edge, 0, 1)


def _clouds(rng: Generator) -> NDArray[np.float32]:
    """Return vessels, roughly: smooth noise of mean 0."""
    coarse = Image.fromarray(rng.normal(0, 1, (18, 18)).astype(np.float32))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _mass(
    across: NDArray[np.float64], down: NDArray[np.float64], rng: Generator
) -> NDArray[np.float64]:
    """Return a spot in a lung. Some are faint, as in life."""
    x, y = rng.choice([-1, 1]) * rng.uniform(0.34, 0.5), rng.uniform(-0.4, 0.1)
    radius = rng.uniform(0.13, 0.22)
    distance = np.hypot(across - x, down - y) / radius
    return rng.uniform(0.15, 0.4) * np.exp(-(distance**4))


def _write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
