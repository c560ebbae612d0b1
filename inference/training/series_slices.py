"""The slices of a training, read as the service reads them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.domain.errors import SettingsError
from inference.models.preprocessing import prepare_by
from inference.models.recipe import Intensity, Recipe
from inference.ports import Picture, PixelReader


@dataclass(frozen=True, slots=True)
class Slice:
    """`picture` is in the model's window. `sha256` is of the file."""

    file: str
    patient_id: str
    positive: bool
    sha256: str
    picture: Picture = field(repr=False)


def read_slices(
    folder: Path,
    column: str,
    positive: str,
    reader: PixelReader,
    window: tuple[float, float],
) -> list[Slice]:
    """Read what `labels.csv` names, by file name; the same pixels of a patient count once.

    Of a file nothing but pixels and their spacing is looked at: the header says whether
    contrast was given.
    """
    table = folder / "labels.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
        named = [(row["file"], row["patient_id"], row[column] == positive) for row in rows]
    except FileNotFoundError:
        raise SettingsError(f"there is no {table}") from None
    except KeyError as error:
        raise SettingsError(f"{table.name} lacks the column {error}") from None
    found: list[Slice] = []
    known: set[tuple[str, bytes]] = set()
    for name, patient, is_positive in named:
        picture = reader.read(folder / name, window=window)
        pixels = np.ascontiguousarray(picture.pixels).tobytes()
        key = (patient, hashlib.sha256(pixels).digest())
        if key not in known:
            known.add(key)
            sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            found.append(Slice(name, patient, is_positive, sha256, picture))
    if len({each.positive for each in found}) < 2:
        raise SettingsError(f"{table.name} needs slices with and without {column} = {positive}")
    return found


def digest(slices: Sequence[Slice]) -> str:
    """Return a SHA-256 over all slices with patient and label."""
    total = hashlib.sha256()
    for each in slices:
        total.update(f"{each.file},{each.sha256},{each.patient_id},{each.positive}\n".encode())
    return total.hexdigest()


def view(picture: Picture, size: int, field_mm: float = 0.0) -> Tensor:
    """Return (3, size, size), as the service hands it to the network.

    With `field_mm`, as if the field of view were so wide and high: cut, or with air around.
    Raises `SettingsError` where that is asked for and the spacing of pixels is not known.
    """
    recipe = Recipe(size=size, intensity=Intensity.UNIT)
    if not field_mm:
        return prepare_by(recipe, picture)
    if picture.spacing_mm is None:
        raise SettingsError("fields_mm: a slice has no Pixel Spacing")
    pixels = picture.pixels
    for axis, spacing in enumerate(picture.spacing_mm):
        pixels = _centred(pixels, axis, max(1, round(field_mm / spacing)))
    return prepare_by(recipe, Picture(pixels))


def _centred(pixels: NDArray[np.float32], axis: int, wanted: int) -> NDArray[np.float32]:
    """Return `wanted` rows or columns around the middle; what is not there is air, 0."""
    there = pixels.shape[axis]
    if wanted <= there:
        begin = (there - wanted) // 2
        return np.take(pixels, range(begin, begin + wanted), axis=axis)
    around = [(0, 0), (0, 0)]
    around[axis] = ((wanted - there) // 2, wanted - there - (wanted - there) // 2)
    return np.pad(pixels, around)
