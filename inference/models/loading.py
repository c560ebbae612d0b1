"""From a model's folder to a model that runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from inference.domain.errors import ManifestError, WeightsChanged
from inference.domain.manifest import Format, Task
from inference.models.compiling import NEVER, compile_model, wants_compiling
from inference.models.device import AUTO, choose_type
from inference.models.explanations.choosing import build_explainer
from inference.models.manifest import FILE_NAME, ModelFile
from inference.models.network_model import NetworkModel
from inference.models.networks import TORCHVISION, build_network
from inference.models.runtimes.module import ModuleRuntime
from inference.models.runtimes.monai_bundle import load_bundle, read_bundle
from inference.models.runtimes.onnx import load_onnx
from inference.models.runtimes.open_inference import OpenInferenceRuntime
from inference.models.runtimes.pt2 import load_pt2
from inference.models.runtimes.runtime import Runtime
from inference.models.runtimes.torchscript import load_torchscript
from inference.models.torch_model import TorchModel


def load_model(
    file: ModelFile,
    folder: Path,
    device: str = "cpu",
    precision: str = AUTO,
    compiling: str = NEVER,
) -> NetworkModel:
    """Raises `ManifestError` or `WeightsChanged`; of a server that is down, `ModelFailed`."""
    model = _load(file, folder, device)
    if isinstance(model.runtime, ModuleRuntime):
        # Convolutions on a GPU would else have 10 bits where 23 were asked for.
        torch.backends.cudnn.allow_tf32 = False
        model.runtime.half = choose_type(precision, device, file.recipe.half)
        if wants_compiling(compiling, device):
            compile_model(model.runtime, str(file.manifest.model), file.recipe)
    return model


def _load(file: ModelFile, folder: Path, device: str) -> NetworkModel:
    if file.manifest.format is Format.STATE_DICT:
        return _state_dict(file, folder, device)
    runtime = _runtime(file, folder, device)
    explainer = build_explainer(file.manifest, file.recipe, runtime)
    return NetworkModel(file.manifest, file.recipe, runtime, explainer)


def _runtime(file: ModelFile, folder: Path, device: str) -> Runtime:
    manifest, recipe = file.manifest, file.recipe
    if file.server is not None:
        return OpenInferenceRuntime(file.server, recipe.input)
    path = folder / manifest.weights_file
    if manifest.format is Format.MONAI_BUNDLE:
        try:
            bundle, sha256 = read_bundle(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        _compare(path, sha256, manifest.weights_sha256)
        return load_bundle(bundle, str(path), device, recipe.channels)
    content = _read(path, manifest.weights_sha256)
    if manifest.format is Format.TORCHSCRIPT:
        detects = manifest.task is Task.DETECTION
        return load_torchscript(content, str(path), device, detects=detects)
    if manifest.format is Format.PT2:
        return load_pt2(content, str(path), device)
    return load_onnx(content, str(path), device, recipe.input)


def _state_dict(file: ModelFile, folder: Path, device: str) -> TorchModel:
    """Of weights, only safetensors are read: they hold numbers, and no code that could run."""
    manifest = file.manifest
    path = folder / manifest.weights_file
    content = _read(path, manifest.weights_sha256)
    try:
        network = build_network(
            manifest.architecture,
            len(manifest.outputs) + file.recipe.background,
            task=manifest.task,
        )
        # Half precision is for the file; the sums are made in float32.
        weights = {
            name: value.float() if value.is_floating_point() else value
            for name, value in load(content).items()
        }
        network.load_state_dict(weights)
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise ManifestError(
            f"{path}: the weights do not fit the architecture {manifest.architecture!r}: {error}"
        ) from error
    takes_list = manifest.task is Task.DETECTION and manifest.architecture.startswith(TORCHVISION)
    return TorchModel(manifest, file.recipe, network, device, takes_list=takes_list)


def _read(path: Path, sha256: str) -> bytes:
    try:
        # Hashed and used are the same bytes: the file may change in between.
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    _compare(path, hashlib.sha256(content).hexdigest(), sha256)
    return content


def _compare(path: Path, found: str, named: str) -> None:
    if found != named:
        raise WeightsChanged(
            f"{path}: these are not the weights that {FILE_NAME} names by weights_sha256; they "
            f"are {found}: write that only if you know why they changed"
        )


def _unreadable(path: Path, error: OSError) -> ManifestError:
    return ManifestError(f"{path}: the weights cannot be read: {error.strerror}")
