"""A model, ready to read."""

from __future__ import annotations

from pathlib import Path

from inference.domain.job import ModelId
from inference.ports import Model
from wetread import settings
from wetread.bootstrap import build_registry, look_at_versions


def load_model(model: str | Path, version: str = "") -> Model:
    """Load a model by its name, or from the folder `NAME/VERSION` that training wrote.

    By name it is the node's: that of `version`, or the one that is active there. Raises
    `UnknownModel`, `ManifestError` or `WeightsChanged`.
    """
    if (Path(model) / "model.toml").is_file():
        from inference.models.registry import FolderRegistry

        folder = Path(model).resolve()
        own = FolderRegistry([folder.parent.parent])
        return own.load(ModelId(folder.parent.name, folder.name))
    configuration = settings.load()
    registry = build_registry(configuration)
    if version:
        return registry.load(ModelId(str(model), version))
    with look_at_versions(configuration, registry) as versions:
        return registry.load(versions.active(str(model)))
