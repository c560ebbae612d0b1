"""The models of a node: added, promoted, taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.domain.job import ModelId
from inference.domain.manifest import Manifest
from inference.domain.rollout import Rollout, RolloutChange
from inference.ports import Model
from wetread import settings, versions
from wetread.bootstrap import (
    Stores,
    SystemClock,
    build_registry,
    look_at_versions,
    open_stores,
)
from wetread.settings import Settings


@dataclass(frozen=True, slots=True)
class Registry:
    """What `wetread models` does, for the node whose state directory is `home`.

    A node that is running needs no restart: a change counts from the next Study that becomes
    stable.
    """

    home: Path

    def manifests(self) -> Sequence[Manifest]:
        """Return those of all models and versions, by name, then by version."""
        return build_registry(self._settings).manifests()

    def load(self, name: str, version: str = "") -> Model:
        """Load a version, the active one if none is said."""
        model = ModelId(name, version or self.rollout(name).active)
        return build_registry(self._settings).load(model)

    def add(self, source: str | Path) -> versions.Added:
        """Check the model in a folder or zip file, try it out, and copy it into `home`.

        What is in use does not change. Raises `ManifestError`, `WeightsChanged` or
        `ModelFailed`.
        """
        return versions.add(self._settings, Path(source))

    def rollout(self, name: str) -> Rollout:
        """Return which versions of a model are active, canary and in shadow."""
        configuration = self._settings
        with look_at_versions(configuration, build_registry(configuration)) as found:
            return found.rollout(name)

    def promote(
        self,
        name: str,
        version: str,
        *,
        shadow: bool = False,
        canary: float | None = None,
        why: str = "",
    ) -> Rollout:
        """Let a version read: all Studies alone, a share of them as `canary`, or in shadow.

        Nobody is asked, unlike on the command line. Raises `UnknownModel`, `WeightsChanged`,
        `RolloutError`, or `RolloutChanged` where somebody else changed it meanwhile.
        """
        if shadow and canary is not None:
            raise ValueError("say one of shadow and canary")
        configuration = self._settings
        registry = build_registry(configuration)
        versions.known(registry, name, version)
        registry.load(ModelId(name, version))
        with self._stores() as stores:
            history = versions.changes(stores, registry, name)
            now = history[0].rollout
            then = versions.promoted(now, version, shadow=shadow, canary=canary)
            if then == now:
                return now
            return self._change(stores, then, history[0].number, why)

    def rollback(self, name: str, *, why: str = "") -> Rollout:
        """Take back the last change; again, the one before."""
        registry = build_registry(self._settings)
        with self._stores() as stores:
            history = tuple(stores.rollouts.history(name))
            earlier = versions.retreat(history, registry, name)
            return self._change(
                stores, earlier.rollout, history[0].number, why, restores=earlier.number
            )

    def history(self, name: str) -> Sequence[RolloutChange]:
        """Return who changed what is in use, when and why; the newest first."""
        with self._stores() as stores:
            return stores.rollouts.history(name)

    @property
    def _settings(self) -> Settings:
        return settings.load(home=self.home)

    @contextmanager
    def _stores(self) -> Iterator[Stores]:
        stores = open_stores(self._settings)
        try:
            yield stores
        finally:
            stores.close()

    def _change(
        self, stores: Stores, then: Rollout, after: int, why: str, restores: int | None = None
    ) -> Rollout:
        return stores.rollouts.change(
            then,
            SystemClock().now(),
            after=after,
            who=versions.operator(),
            why=why,
            restores=restores,
        ).rollout


def registry(home: str | Path | None = None) -> Registry:
    """Return the models of the node in `home`, else in `WETREAD_HOME`."""
    return Registry(settings.load(home=Path(home) if home else None).state)
