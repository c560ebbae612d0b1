"""Models in folders: `NAME/VERSION/` with `model.toml` and the weights it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.models.folders import ModelFolders
from inference.models.loaded import Loaded
from inference.models.manifest import ModelFile

if TYPE_CHECKING:  # torch takes seconds to import, and who only asks for names needs none
    from inference.models.gate import TorchGate
    from inference.models.network_model import NetworkModel

SHIPPED = Path(__file__).parent / "shipped"


class FolderRegistry:
    """The models below `roots`, with those that are added while it runs.

    `chosen` names the active version of a model; without it, it is the highest. `device` and
    `precision` are those of `inference.models.device`; `compiling` is that of
    `inference.models.compiling`, and `compiled` the folder for its code. So many `maximum_models`
    stay loaded, those used last, and beside them what somebody still reads by. While one is
    loaded or compiled, nobody waits who asks for another.

    Raises `ManifestError` or, for a chosen version that is not there, `UnknownModel`.
    """

    def __init__(
        self,
        roots: Sequence[Path] = (SHIPPED,),
        chosen: Mapping[str, str] | None = None,
        device: str = "cpu",
        precision: str = "auto",
        maximum_models: int | None = None,
        compiling: str = "never",
        compiled: Path | None = None,
    ) -> None:
        self._device = device
        self._precision = precision
        self._compiling = compiling
        self._compiled = compiled
        self._chosen = dict(chosen or {})
        self._folders = ModelFolders(roots)
        self._models: Loaded[ModelId, NetworkModel] = Loaded(maximum_models)
        self._gates: Loaded[ModelId, TorchGate] = Loaded()
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

    def load(self, model: ModelId) -> NetworkModel:
        """Raises `UnknownModel`, `ManifestError` or `WeightsChanged`."""
        if model not in self._models:
            self._find(model)  # raises before anything makes room for it
        return self._models.get(model, lambda: self._load(model))

    def gates(self) -> Sequence[ModelId]:
        """Return the gates that are in use: of each name the highest version."""
        newest: dict[str, ModelId] = {}
        for each in sorted(self._folders.gates, key=lambda each: _order(each.version)):
            newest[each.name] = each
        return tuple(newest[name] for name in sorted(newest))

    def gate(self, name: str) -> TorchGate:
        """Return the highest version. Raises `UnknownModel`, `ManifestError`, `WeightsChanged`."""
        newest = next((each for each in self.gates() if each.name == name), None)
        if newest is None:
            raise UnknownModel(f"no gate of the name {name[:80]!r} is registered")
        return self._gates.get(newest, lambda: self._load_gate(newest))

    def _load(self, model: ModelId) -> NetworkModel:
        from inference.models.loading import load_model

        file, folder = self._find(model)
        return load_model(file, folder, self._prepared(), self._precision, self._compiling)

    def _load_gate(self, gate: ModelId) -> TorchGate:
        from inference.models.gate import load_gate

        return load_gate(self._folders.gates[gate], self._prepared(), self._compiling)

    def _prepared(self) -> str:
        """Return the device."""
        from inference.models.compiling import NEVER, keep_compiled
        from inference.models.device import choose_device

        if self._compiled is not None and self._compiling != NEVER:
            keep_compiled(self._compiled)
        return choose_device(self._device)

    def _find(self, model: ModelId) -> tuple[ModelFile, Path]:
        found = self._folders.models()
        if model not in found:
            found = self._folders.models(again=True)
        try:
            return found[model]
        except KeyError:
            raise UnknownModel(f"the model {model} is not registered") from None


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
