"""Which versions of a model read a Study."""

from __future__ import annotations

import logging

from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.domain.rollout import Rollout
from inference.ports import ModelRegistry, Rollouts

_log = logging.getLogger(__name__)


class Versions:
    """Chooses by the model's rollout, looked up for every Study so that a change counts at once.

    Where none was ever made, the registry's active version reads everything.
    """

    def __init__(self, registry: ModelRegistry, rollouts: Rollouts | None = None) -> None:
        self._registry = registry
        self._rollouts = rollouts

    def rollout(self, name: str) -> Rollout:
        """Return what counts now. Raises `UnknownModel`."""
        said = self._rollouts.current(name) if self._rollouts else None
        return said or Rollout(name, self._registry.active(name).version)

    def active(self, name: str) -> ModelId:
        """Raises `UnknownModel`, also where the active version's folder is gone."""
        return self._registered(ModelId(name, self.rollout(name).active))

    def of_study(self, name: str, study_instance_uid: str) -> tuple[ModelId, ModelId | None]:
        """Return the version that reads the Study, and the one in shadow if there is one.

        Where the canary's or the shadow's folder is gone, it goes without them. Raises
        `UnknownModel`.
        """
        rollout = self.rollout(name)
        reads = rollout.reads(study_instance_uid)
        model = self._found(name, reads if reads != rollout.active else "")
        return model or self._registered(ModelId(name, rollout.active)), self._found(
            name, rollout.shadow
        )

    def _found(self, name: str, version: str) -> ModelId | None:
        if not version:
            return None
        try:
            return self._registered(ModelId(name, version))
        except UnknownModel as error:
            _log.error("%s, but its rollout names it", error)
            return None

    def _registered(self, model: ModelId) -> ModelId:
        if model == self._registry.active(model.name):
            return model
        if any(each.model == model for each in self._registry.manifests()):
            return model
        raise UnknownModel(f"the model {model} is not registered")
