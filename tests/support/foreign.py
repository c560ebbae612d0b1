"""Small networks in the formats that others bring, in folders with a manifest."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inference.domain.job import ModelId
from inference.domain.manifest import Format
from inference.models.network_model import NetworkModel
from inference.models.registry import FolderRegistry
from inference.models.toml import to_toml
from tests.support.models import manifest_content

UNIT = {"intensity": "unit", "channels": 1, "size": 32}
FORMS = (Format.TORCHSCRIPT, Format.PT2, Format.ONNX)
_SUFFIX = {Format.TORCHSCRIPT: ".pt", Format.PT2: ".pt2", Format.ONNX: ".onnx"}


class Classifier(nn.Module):
    """Two logits: bright on the left, bright on the right."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Linear(4 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = nn.functional.adaptive_avg_pool2d(torch.relu(self.conv(x)), (2, 2))
        logits: Tensor = self.head(pooled.flatten(1)) * 4
        return logits


class Segmenter(nn.Module):
    """Logits at half the size: what is bright, and what is dark."""

    def forward(self, x: Tensor) -> Tensor:
        coarse = nn.functional.avg_pool2d(x, 2)
        return torch.cat([coarse - 0.5, 0.5 - coarse], dim=1) * 20


class Volume(nn.Module):
    """Logits of a volume: background, and what is bright in three slices together."""

    def forward(self, x: Tensor) -> Tensor:
        mean = nn.functional.avg_pool3d(x, (3, 1, 1), stride=1, padding=(1, 0, 0))
        return torch.cat([torch.zeros_like(mean), (mean - 0.5) * 20], dim=1)


class Detector(nn.Module):
    """The rectangle around what is bright: twice as the first output, faintly as the second."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bright = x[0, 0] > 0.5
        left, right = _ends(bright.any(0))
        top, bottom = _ends(bright.any(1))
        box = torch.stack([left, top, right, bottom]).float()
        shifted = box + torch.tensor([1.0, 0.0, 1.0, 0.0])
        scores = torch.tensor([0.6, 0.9, 0.2])
        return torch.stack([shifted, box, box]), scores, torch.tensor([1, 1, 2])


def _ends(line: Tensor) -> tuple[Tensor, Tensor]:
    places = torch.arange(line.shape[0])
    far = torch.full_like(places, 10000)
    return torch.where(line, places, far).min(), torch.where(line, places, -far).max() + 1


def packed(network: nn.Module, form: Format, example: Tensor, names: Sequence[str]) -> bytes:
    """Return the network in a format; a batch of two pictures may be of any number."""
    network = network.eval().requires_grad_(False)
    buffer = io.BytesIO()
    shapes = ({0: torch.export.Dim("n", min=1, max=64)},) if len(example) > 1 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form is Format.TORCHSCRIPT:
            torch.jit.save(torch.jit.trace(network, example), buffer)
        elif form is Format.PT2:
            program = torch.export.export(network, (example,), dynamic_shapes=shapes, strict=False)
            torch.export.save(program, buffer)
        else:
            exported: Any = torch.onnx.export(
                network,
                (example,),
                input_names=["x"],
                output_names=list(names),
                dynamic_shapes=shapes,
                dynamo=True,
                verbose=False,
            )
            buffer.write(exported.model_proto.SerializeToString())
    return buffer.getvalue()


def output(name: str, threshold: float = 0.5) -> dict[str, Any]:
    return {
        "name": name,
        "finding": ["233604007", "SCT", "Pneumonia"],
        "site": ["39607008", "SCT", "Lung"],
        "threshold": threshold,
    }


def content_for(form: Format, weights: bytes, /, **changes: Any) -> dict[str, Any]:
    content = {k: v for k, v in manifest_content().items() if k != "architecture"}
    return {
        **content,
        "format": form.value,
        "weights": "weights" + _SUFFIX.get(form, ""),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "recipe": dict(UNIT),
        "output": [output("left"), output("right")],
        **changes,
    }


def write_foreign(root: Path, form: Format, weights: bytes, /, **changes: Any) -> Path:
    """Write weights and a manifest with two outputs below `root`; return the folder."""
    folder = root / "small" / "1.0.0"
    folder.mkdir(parents=True)
    content = content_for(form, weights, **changes)
    (folder / content["weights"]).write_bytes(weights)
    (folder / "model.toml").write_text(to_toml(content))
    return folder


def load_foreign(root: Path) -> NetworkModel:
    return FolderRegistry((root,)).load(ModelId("small", "1.0.0"))
