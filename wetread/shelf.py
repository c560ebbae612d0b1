"""The models of a node as one looks at them: what each says of itself, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.domain.rollout import Rollout
from inference.intake.versions import Versions
from inference.ports import ModelRegistry, Rollouts

_METRICS = "metrics.json"
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Shelf:
    """`folder` tells where a model's files lie; it raises `UnknownModel`."""

    registry: ModelRegistry
    rollouts: Rollouts
    folder: Callable[[ModelId], Path]

    def manifests(self) -> Sequence[Manifest]:
        """Return those of all models and versions, by name, then by version."""
        return self.registry.manifests()

    def manifest(self, model: ModelId) -> Manifest:
        """Raises `UnknownModel`."""
        for each in self.registry.manifests():
            if each.model == model:
                return each
        raise UnknownModel("no model of this name and version is registered")

    def rollout(self, name: str) -> Rollout:
        """Raises `UnknownModel`."""
        return Versions(self.registry, self.rollouts).rollout(name)

    def metrics(self, model: ModelId) -> dict[str, Any] | None:
        """Return what was measured of a model; None where it brings nothing that can be read."""
        path = self.folder(model) / _METRICS
        try:
            if path.stat().st_size > _LARGEST:
                return None
            # JSON has no NaN; Python writes it all the same.
            found = json.loads(path.read_text("utf-8"), parse_constant=lambda _: None)
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None
