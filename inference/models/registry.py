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
from inference.models.gate import TorchGate, is_gate, load_gate
from inference.models.manifest import FILE_NAME, ModelFile, read_model_file
from inference.models.networks import build_network
from inference.models.torch_model import TorchModel

SHIPPED = Path(__file__).parent / "shipped"


class FolderRegistry:
    """The models below `roots`, read once. A root that does not exist holds none.

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
        self._found: dict[ModelId, tuple[ModelFile, Path]] = {}
        self._loaded: dict[ModelId, TorchModel] = {}
        self._gate_files: dict[ModelId, Path] = {}
        self._gates: dict[ModelId, TorchGate] = {}
        self._lock = threading.Lock()
        for root in roots:
            for path in sorted(root.glob(f"*/*/{FILE_NAME}")):
                if is_gate(path):
                    self._gate_files[ModelId(path.parts[-3], path.parts[-2])] = path
                else:
                    self._add(path)
        for name in self._chosen:
            self.active(name)

    def manifests(self) -> Sequence[Manifest]:
        """Return all, by name, then by version."""
        models = sorted(self._found, key=lambda model: (model.name, _order(model.version)))
        return tuple(self._found[model][0].manifest for model in models)

    def active(self, name: str) -> ModelId:
        versions = [model for model in self._found if model.name == name]
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
        file, folder = self._find(model)
        with self._lock:
            if model not in self._loaded:
                self._loaded[model] = _load(file, folder, self._device)
            return self._loaded[model]

    def gate(self, name: str) -> TorchGate:
        """Return the highest version. Raises `UnknownModel`, `ManifestError`, `WeightsChanged`."""
        versions = [each for each in self._gate_files if each.name == name]
        if not versions:
            raise UnknownModel(f"no gate of the name {name[:80]!r} is registered")
        newest = max(versions, key=lambda each: _order(each.version))
        with self._lock:
            if newest not in self._gates:
                self._gates[newest] = load_gate(self._gate_files[newest])
            return self._gates[newest]

    def _find(self, model: ModelId) -> tuple[ModelFile, Path]:
        try:
            return self._found[model]
        except KeyError:
            raise UnknownModel(f"the model {model} is not registered") from None

    def _add(self, path: Path) -> None:
        file = read_model_file(path)
        model = file.manifest.model
        folder = path.parent
        if (folder.parent.name, folder.name) != (model.name, model.version):
            raise ManifestError(
                f"{path}: it names {model}, so its folder must be {model.name}/{model.version}"
            )
        if model in self._found:
            raise ManifestError(
                f"{path}: {model} is in {self._found[model][1]} already; "
                "give this one another version"
            )
        self._found[model] = (file, folder)


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
