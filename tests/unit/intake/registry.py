"""A model registry that only knows names."""

from __future__ import annotations

from collections.abc import Sequence

from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.ports import Model


class NamedModels:
    def __init__(self, **versions: str) -> None:
        self.versions = versions

    def manifests(self) -> Sequence[Manifest]:
        return ()

    def active(self, name: str) -> ModelId:
        if name not in self.versions:
            raise UnknownModel(f"no model of the name {name!r} is registered")
        return ModelId(name, self.versions[name])

    def load(self, model: ModelId) -> Model:
        raise UnknownModel
