"""torch.export: a graph of ATen operators with its weights, `.pt2`."""

from __future__ import annotations

import io

import torch

from inference.domain.errors import ManifestError
from inference.models.quiet import quiet
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.pt2_archive import clean_archive


def load_pt2(content: bytes, name: str, device: str = "cpu") -> ModuleRuntime:
    """Raises `ManifestError`; `name` is the file's in messages."""
    clean = clean_archive(content, name)
    try:
        with quiet():
            program = torch.export.load(io.BytesIO(clean))
            network = program.module().to(torch.device(device))
    # torch reads a graph by asserting; a file that is not one ends in any of many errors.
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise ManifestError(f"{name}: torch.export cannot load it: {said}") from error
    return ModuleRuntime(network, device)
