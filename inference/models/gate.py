"""A network as the port `Gate`: what does a picture show, and is it like what was learned?"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from inference.domain.errors import ManifestError, ModelFailed, WeightsChanged
from inference.domain.job import ModelId
from inference.domain.recognition import Kind, Recognition
from inference.models.compiling import (
    NEVER,
    batch_sizes,
    compile_runtime,
    drawn,
    wants_compiling,
)
from inference.models.networks import EfficientNetLite0
from inference.models.preprocessing import prepare
from inference.models.runtimes.module import native
from inference.ports import Picture

KINDS = tuple(kind for kind in Kind if kind is not Kind.BLANK)  # in the order of the outputs

_CHANNELS = 320  # of the last stage
_FEATURES = 1280  # pooled
_NARROW = 64
_HIDDEN = 128
_BATCH = 16  # pictures at once
_EVERY = 61  # pixel that is looked at, where a few will do
_CONTRAST = 2 / 255  # grey range, 1st to 99th percentile, under which a picture is blank


@dataclass(frozen=True, slots=True)
class GateFile:
    """The content of a gate's `model.toml` that matters when it runs.

    `certainty`: the least certainty to act on. `distance`: the largest to what was learned.
    """

    name: str
    version: str
    weights: str
    weights_sha256: str
    size: int
    certainty: float
    distance: float


class GateNetwork(nn.Module):
    """EfficientNet-Lite0, a small head that sees where things are, and the usual features.

    The distance is Mahalanobis's, over principal components and the rest that they leave,
    to the features of pictures that may pass.
    """

    def __init__(self, size: int, components: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        cells = (size // 32) ** 2
        self.trunk = EfficientNetLite0(1)
        self.head = nn.Sequential(
            nn.Conv2d(_CHANNELS, _NARROW, 1, bias=False),
            nn.BatchNorm2d(_NARROW),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(_NARROW * cells, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(_HIDDEN, len(KINDS)),
        )
        self.register_buffer("mean", torch.zeros(_FEATURES))
        self.register_buffer("axes", torch.zeros(components, _FEATURES))
        self.register_buffer("deviations", torch.ones(components))
        self.register_buffer("rest", torch.ones(()))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (pictures, kinds) and distances (pictures,)."""
        stages = self.trunk.stages(pictures)
        return self.head(stages), self.distances(self.trunk.pooled(stages))

    def distances(self, features: Tensor) -> Tensor:
        """Return (pictures,), about 1 for what is usual; `features` are (pictures, 1280)."""
        buffers = dict(self.named_buffers(recurse=False))
        centred = features - buffers["mean"]
        along = centred @ buffers["axes"].T
        left = (centred.square().sum(1) - along.square().sum(1)).clamp(min=0)
        inside = (along / buffers["deviations"]).square().mean(1)
        return ((inside + left / buffers["rest"].square()) / 2).sqrt()


class TorchGate:
    """Implements `inference.ports.Gate`. The network computes one call at a time."""

    def __init__(self, file: GateFile, network: GateNetwork, device: str = "cpu") -> None:
        self._file = file
        self.runtime = native(network.requires_grad_(False), device)

    @property
    def model(self) -> ModelId:
        return ModelId(self._file.name, self._file.version)

    def look(self, pictures: Sequence[Picture]) -> Sequence[Recognition]:
        """Return one Recognition for each picture. Raises `ModelFailed`."""
        for picture in pictures:
            if picture.pixels.ndim != 2 or not np.isfinite(picture.pixels).all():
                raise ModelFailed(
                    f"{self._file.name}: a picture must be (rows, columns) of finite numbers"
                )
        try:
            certainties, distances = self.measure(pictures)
        except (RuntimeError, ValueError, ArithmeticError) as error:
            raise ModelFailed(f"{self._file.name} failed: {error}") from error
        return [
            Recognition(Kind.BLANK, 1.0)
            if blank(picture)
            else self._recognition(certainty, float(distance))
            for picture, certainty, distance in zip(pictures, certainties, distances, strict=True)
        ]

    def measure(
        self, pictures: Sequence[Picture]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return certainties (pictures, kinds) and distances (pictures,)."""
        certainties = [np.empty((0, len(KINDS)), dtype=np.float32)]
        distances = [np.empty(0, dtype=np.float32)]
        for begin in range(0, len(pictures), _BATCH):
            batch = pictures[begin : begin + _BATCH]
            logits, far = self.runtime.run(self.inputs(batch)).values()
            certainties.append(torch.softmax(logits, dim=1).numpy())
            distances.append(far.numpy())
        return np.concatenate(certainties), np.concatenate(distances)

    def inputs(self, pictures: Sequence[Picture]) -> Tensor:
        """Return (pictures, 3, rows, columns)."""
        return torch.stack([prepare(each, self._file.size) for each in pictures])

    def _recognition(self, certainty: NDArray[np.float32], distance: float) -> Recognition:
        best = int(certainty.argmax())
        return Recognition(
            KINDS[best],
            float(certainty[best]),
            sure=float(certainty[best]) >= self._file.certainty,
            # The distance is to frontal chest radiographs; of other kinds it says nothing.
            familiar=KINDS[best] is not Kind.FRONTAL_CHEST or distance <= self._file.distance,
        )


def blank(picture: Picture) -> bool:
    """Is there nothing to see? Padding does not count."""
    pixels = picture.pixels
    if picture.padding is not None:
        pixels = pixels[~picture.padding]
    if not pixels.size:
        return True
    if _has_contrast(pixels):
        return False
    low, high = np.percentile(pixels, (1, 99))
    return bool(high - low < _CONTRAST)


def _has_contrast(pixels: NDArray[np.float32]) -> bool:
    """Is the answer seen without the percentiles, which take longer than all the rest?

    Enough pixels on either side of a gap that is wide enough: then the percentiles lie outside
    of it. Where to look for the gap, a few pixels tell.
    """
    low, high = np.percentile(pixels.reshape(-1)[::_EVERY], (5, 95))
    share = pixels.size / 100 + 1
    return bool(
        high - low >= _CONTRAST
        and np.count_nonzero(pixels <= low) > share
        and np.count_nonzero(pixels >= high) > share
    )


def read_gate_file(path: Path) -> GateFile:
    """Raises `ManifestError`."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        file = _file(raw)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{path}: not a gate's file: {error}") from None
    if (path.parent.parent.name, path.parent.name) != (file.name, file.version):
        raise ManifestError(f"{path}: its folder must be {file.name}/{file.version}")
    return file


def load_gate(path: Path, device: str = "cpu", compiling: str = NEVER) -> TorchGate:
    """Load what the `model.toml` at `path` names. Raises `ManifestError`, `WeightsChanged`."""
    file = read_gate_file(path)
    where = path.parent / file.weights
    try:
        content = where.read_bytes()
    except OSError as error:
        raise ManifestError(f"{where}: the weights cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != file.weights_sha256:
        raise WeightsChanged(f"{where}: these are not the weights that {path.name} names")
    network = GateNetwork(file.size)
    try:
        # Half precision is for the file; the sums are made in float32.
        weights = {
            name: value.float() if value.is_floating_point() else value
            for name, value in load(content).items()
        }
        network.load_state_dict(weights)
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise ManifestError(f"{where}: the weights do not fit a gate: {error}") from error
    gate = TorchGate(file, network, device)
    if wants_compiling(compiling, device):
        examples = [gate.inputs(drawn(count, file.size)) for count in batch_sizes(_BATCH)]
        compile_runtime(gate.runtime, str(gate.model), examples, _certainties)
    return gate


def _certainties(answer: Mapping[str, Tensor]) -> Tensor:
    """Return what is decided by, (pictures, kinds and the distance)."""
    logits, far = answer.values()
    return torch.cat([torch.softmax(logits, dim=1), far[:, None]], dim=1)


def _file(raw: Mapping[str, Any]) -> GateFile:
    recipe = raw["recipe"]
    kinds = [Kind(name) for name in raw["kinds"]]
    if tuple(kinds) != KINDS:
        raise ValueError("kinds: write those that this version knows, in its order")
    weights = str(raw["weights"])
    if Path(weights).name != weights:
        raise ValueError("weights: write a file name")
    return GateFile(
        name=str(raw["name"]),
        version=str(raw["version"]),
        weights=weights,
        weights_sha256=str(raw["weights_sha256"]),
        size=int(recipe["size"]),
        certainty=float(recipe["certainty"]),
        distance=float(recipe["distance"]),
    )
