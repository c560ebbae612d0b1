"""A model of a known architecture in a format that others read, too."""

from __future__ import annotations

import hashlib
import io
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inference.domain.errors import ManifestError
from inference.domain.manifest import Explanation, Format, Task
from inference.models.loading import load_model
from inference.models.manifest import FILE_NAME, parse_model_file, read_model_file
from inference.models.quiet import quiet
from inference.models.recipe import Layout, Resize
from inference.models.runtimes.module import ModuleRuntime
from inference.models.toml import to_toml

_MOST = 64  # pictures at once


def export_model(folder: Path, form: Format, out: Path) -> Path:
    """Write the model in `folder` below `out`, as NAME-FORMAT/VERSION; return that folder.

    Its manifest is the same but for name, weights and explanation. Raises `ManifestError` for
    what cannot be exported.
    """
    file = read_model_file(folder / FILE_NAME)
    manifest, recipe = file.manifest, file.recipe
    if manifest.format is not Format.STATE_DICT:
        raise ManifestError(f"{manifest.model} is {manifest.format}; only state-dict is exported")
    if (
        manifest.task is Task.DETECTION
        or recipe.layout is Layout.VOLUME
        or recipe.resize is Resize.NONE
    ):
        raise ManifestError(
            f"{manifest.model}: only classification and segmentation of images of one size "
            "are exported"
        )
    if form not in _EXPORTERS:
        raise ManifestError(
            f"{form} is no format to export to; write "
            + " or ".join(f'"{each}"' for each in _EXPORTERS)
        )
    # What is exported explains nothing, so nothing that explains is built.
    bare = replace(file, manifest=replace(manifest, explanation=Explanation.NONE))
    runtime = load_model(bare, folder).runtime
    assert isinstance(runtime, ModuleRuntime)
    # Two pictures: an export for one would make the number a constant.
    example = torch.zeros(2, recipe.channels, recipe.size, recipe.size)
    with quiet():
        weights = _EXPORTERS[form](runtime.network, example)
    content = _content(folder, form, weights)
    model = parse_model_file(content, FILE_NAME).manifest.model
    target = out / model.name / model.version
    target.mkdir(parents=True, exist_ok=True)
    (target / content["weights"]).write_bytes(weights)
    (target / FILE_NAME).write_text(to_toml(content), encoding="utf-8")
    return target


def _content(folder: Path, form: Format, weights: bytes) -> dict[str, Any]:
    raw = tomllib.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    content = {key: value for key, value in raw.items() if key != "architecture"}
    content["name"] = f"{raw['name']}-{form}"
    content["format"] = form.value
    content["weights"] = "weights" + _SUFFIXES[form]
    content["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    if raw.get("task", Task.CLASSIFICATION) == Task.CLASSIFICATION:
        # The layers, and with them Grad-CAM, are gone.
        gradients = form is not Format.ONNX
        how = Explanation.INTEGRATED_GRADIENTS if gradients else Explanation.OCCLUSION
        content["explanation"] = raw.get("explanation", how.value)
        if content["explanation"] == Explanation.GRAD_CAM:
            content["explanation"] = how.value
    return content


def _torchscript(network: nn.Module, example: Tensor) -> bytes:
    buffer = io.BytesIO()
    with torch.inference_mode(False), torch.no_grad():
        torch.jit.save(torch.jit.trace(network, example), buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _pt2(network: nn.Module, example: Tensor) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(
        torch.export.export(network, (example,), dynamic_shapes=(_pictures(),), strict=False),
        buffer,
    )
    return buffer.getvalue()


def _onnx(network: nn.Module, example: Tensor) -> bytes:
    try:
        program: Any = torch.onnx.export(
            network,
            (example,),
            input_names=["pictures"],
            output_names=["logits"],
            dynamic_shapes=(_pictures(),),
            dynamo=True,
            verbose=False,
        )
    except ImportError as error:
        raise ManifestError(
            f"{error.name} is not installed; to export to ONNX, install onnx and onnxscript"
        ) from None
    content: bytes = program.model_proto.SerializeToString()
    return content


def _pictures() -> dict[int, Any]:
    return {0: torch.export.Dim("pictures", min=1, max=_MOST)}


_EXPORTERS: dict[Format, Callable[[nn.Module, Tensor], bytes]] = {
    Format.TORCHSCRIPT: _torchscript,
    Format.PT2: _pt2,
    Format.ONNX: _onnx,
}
_SUFFIXES = {Format.TORCHSCRIPT: ".pt", Format.PT2: ".pt2", Format.ONNX: ".onnx"}
