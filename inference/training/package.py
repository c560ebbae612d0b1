"""The folder in which a model is shipped: `NAME/VERSION/` with manifest and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from inference.models.manifest import FILE_NAME, parse_model_file
from inference.models.toml import to_toml

WEIGHTS = "weights.safetensors"

_LARGEST = 25_000_000  # bytes, of a file in the repository


def pack_weights(network: nn.Module) -> bytes:
    """Return the weights as safetensors: float32, or float16 if that would be too large."""
    state = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    content: bytes = save(state)
    if len(content) > _LARGEST:
        content = save(
            {
                name: value.to(torch.float16) if value.is_floating_point() else value
                for name, value in state.items()
            }
        )
    return content


def write_package(out: Path, weights: bytes, manifest: Mapping[str, Any]) -> Path:
    """Write `weights` and the manifest that names them below `out`; return the folder.

    `manifest` is the content of `model.toml` but for the file and the hash of the weights.
    Raises `ManifestError` if it is not valid.
    """
    content = {
        **manifest,
        "weights": WEIGHTS,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    model = parse_model_file(content, FILE_NAME).manifest.model
    folder = out / model.name / model.version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / FILE_NAME).write_text(to_toml(content), encoding="utf-8")
    return folder
