"""Models in folders: `NAME/VERSION/` with `model.toml` and the weights it names."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from inference.domain.errors import ManifestError, UnknownModel, WeightsChanged
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.models.folders import ModelFolders
from inference.models.gate import TorchGate, load_gate
from inference.models.manifest import FILE_NAME, ModelFile
from inference.models.networks import build_network
from inference.models.torch_model import TorchModel

SHIPPED = Path(__file__).parent / "shipped"


class FolderRegistry:
    """The models below `roots`, with those that are added while it runs.

    `chosen` names the active version of a model; without it, it is the highest. Only
    safetensors are read: they hold numbers, and no code that could run.

    Raises `ManifestError` or, for a chosen version that is not there, `UnknownModel`.
    """

    def __init__(
        self,
        roots: Sequence[Path] = (SHIPPED,),
        chosen: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        self._device = device
        self._chosen = dict(chosen or {})
        self._folders = ModelFolders(roots)
        self._loaded: dict[ModelId, TorchModel] = {}
        self._gates: dict[ModelId, TorchGate] = {}
        self._lock = threading.Lock()
        for name in self._chosen:
            self.active(name)

    def manifests(self) -> Sequence[Manifest]:
        """Return all, by name, then by version."""
        found = self._folders.models()
        models = sorted(found, key=lambda model: (model.name, _order(model.version)))
        return tuple(found[model][0].manifest for model in models)

    def active(self, name: str) -> ModelId:
        versions = [model for model in self._folders.models() if model.name == name]
        if not versions:
            raise UnknownModel(f"no model of the name {name[:80]!r} is registered")
        if name not in self._chosen:
            return max(versions, key=lambda model: _order(model.version))
        model = ModelId(name, self._chosen[name])
        if model not in versions:
            raise UnknownModel(f"{model} was chosen but is not registered")
        return model

    def folder(self, model: ModelId) -> Path:
        """Return where the model's files lie, its card among them."""
        return self._find(model)[1]

    def load(self, model: ModelId) -> TorchModel:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        with self._lock:
            if model not in self._loaded:
                file, folder = self._find(model)
                self._loaded[model] = _load(file, folder, self._device)
            return self._loaded[model]

    def gate(self, name: str) -> TorchGate:
        """Return the highest version. Raises `UnknownModel`, `ManifestError`, `WeightsChanged`."""
        versions = [each for each in self._folders.gates if each.name == name]
        if not versions:
            raise UnknownModel(f"no gate of the name {name[:80]!r} is registered")
        newest = max(versions, key=lambda each: _order(each.version))
        with self._lock:
            if newest not in self._gates:
                self._gates[newest] = load_gate(self._folders.gates[newest])
            return self._gates[newest]

    def _find(self, model: ModelId) -> tuple[ModelFile, Path]:
        found = self._folders.models()
        if model not in found:
            found = self._folders.models(again=True)
        try:
            return found[model]
        except KeyError:
            raise UnknownModel(f"the model {model} is not registered") from None


def _load(file: ModelFile, folder: Path, device: str) -> TorchModel:
    manifest = file.manifest
    path = folder / manifest.weights_file
    try:
        # Hashed and used are the same bytes: the file may change in between.
        content = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: the weights cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != manifest.weights_sha256:
        raise WeightsChanged(
            f"{path}: these are not the weights that {FILE_NAME} names by weights_sha256"
        )
    try:
        network = build_network(manifest.architecture, len(manifest.outputs))
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
    return TorchModel(manifest, file.recipe, network, device)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
