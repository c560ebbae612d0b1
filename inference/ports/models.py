"""Pictures, and the models that read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from inference.domain.geometry import Plane
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.domain.recognition import Recognition

if TYPE_CHECKING:  # whoever takes a port need not take NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame as it should be looked at.

    `pixels`: (rows, columns), float32, 0 (black) to 1 (white), after Modality LUT, VOI LUT
    or window, and Presentation LUT: MONOCHROME1 is inverted already. Colour is reduced to
    luminance. `padding`: (rows, columns), bool, where Pixel Padding Value stands (black in
    `pixels`), or None. `spacing_mm`: Pixel Spacing, between the centres of rows and of
    columns, or None; never Imager Pixel Spacing, which is not the patient's. `plane`: where
    the frame lies in the patient, or None.
    """

    pixels: NDArray[np.float32]
    padding: NDArray[np.bool_] | None = None
    spacing_mm: tuple[float, float] | None = None
    plane: Plane | None = None


class PixelReader(Protocol):
    def read(
        self, part10: Path, frame: int = 1, window: tuple[float, float] | None = None
    ) -> Picture:
        """Read one frame (one-based). Raises `CodecMissing` or `UnreadablePixels`.

        `window`: the values after the Modality LUT (HU for CT) that are black and white,
        whatever window the header gives.
        """
        ...


@dataclass(frozen=True, slots=True)
class Box:
    """What a detector found. Edges are (column, row) coordinates, zero-based, pixel centres."""

    left: float
    top: float
    right: float
    bottom: float
    certainty: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """A model's answer on one picture, by name of `Manifest.outputs`.

    `certainty` is within 0 to 1, calibrated as the manifest says; of a segmentation it is
    that of the surest pixel, of a detection that of the surest box, else 0. `heat_maps` have
    the picture's shape (rows, columns), float32, 0 to 1; `masks` the same shape, True where
    the threshold is reached. `boxes` are those that reach the threshold, the surest first.
    """

    certainty: Mapping[str, float]
    heat_maps: Mapping[str, NDArray[np.float32]]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    boxes: Mapping[str, Sequence[Box]] = field(default_factory=dict)


class Model(Protocol):
    @property
    def manifest(self) -> Manifest: ...

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        """Return one Assessment for each picture. Raises `ModelFailed`.

        Where the manifest reads a Series, `pictures` are its slices, sorted along their
        normal. Without `explain` there are no heat maps: they cost more than the certainty.
        What it is charged for it does within `inference.domain.computing.computing`.
        """
        ...


class Gate(Protocol):
    """Stands before a model and sees by the pixels what it is asked to read."""

    @property
    def model(self) -> ModelId:
        """Its own name and version."""
        ...

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        """Return one Recognition for each picture, `computing` as a model. Raises `ModelFailed`."""
        ...


class Gates(Protocol):
    def gate(self, name: str) -> Gate:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        ...


class ModelRegistry(Protocol):
    def manifests(self) -> Sequence[Manifest]: ...

    def active(self, name: str) -> ModelId:
        """Return the version of `name` that new Jobs use where no Rollout says otherwise.

        Raises `UnknownModel`.
        """
        ...

    def load(self, model: ModelId) -> Model:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        ...
