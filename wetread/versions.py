"""Versions of models come and go: what commands and the Python API do alike."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inference.domain.errors import (
    ManifestError,
    RolloutChanged,
    RolloutError,
    UnknownModel,
)
from inference.domain.job import ModelId
from inference.domain.rollout import Rollout, RolloutChange, before
from inference.ports import ModelRegistry
from wetread.bootstrap import Stores, SystemClock, build_registry, open_stores
from wetread.settings import Settings

if TYPE_CHECKING:
    from inference.models.candidate import Candidate
    from inference.models.registry import FolderRegistry


@dataclass(frozen=True, slots=True)
class Added:
    """`new` is False where the same was held already. `rollout` is what is in use now."""

    model: ModelId
    folder: Path
    new: bool
    warnings: tuple[str, ...]
    rollout: Rollout | None


def add(configuration: Settings, source: Path) -> Added:
    """Check the model in `source`, a folder or a zip of one, try it out, and copy it.

    Nothing that patients are read with changes by it. Raises `ManifestError`, `WeightsChanged`
    or `ModelFailed`.
    """
    from inference.models.candidate import candidate

    root = configuration.state / "models"
    registry = build_registry(configuration)
    with candidate(source, root) as found:
        model = found.manifest.model
        already = _held(registry, found)
        warnings = () if already else found.try_out()
        stores = open_stores(configuration)
        try:
            if already is None:
                _pin(stores, registry, model.name, f"as it was when {model.version} was added")
                folder = found.move_in(root)
            else:
                folder = already
            _pin(stores, registry, model.name, "the first version")
            current = stores.rollouts.current(model.name)
        finally:
            stores.close()
    return Added(model, folder, already is None, warnings, current)


def changes(stores: Stores, registry: ModelRegistry, name: str) -> tuple[RolloutChange, ...]:
    """Return the changes, the newest first; at least one, or a rollback would not lead back."""
    found = tuple(stores.rollouts.history(name))
    if found:
        return found
    rollout = Rollout(name, registry.active(name).version)
    why = "as it was before the first change"
    return (stores.rollouts.change(rollout, SystemClock().now(), after=0, who=operator(), why=why),)


def promoted(
    now: Rollout, version: str, *, shadow: bool = False, canary: float | None = None
) -> Rollout:
    """Return what is in use once `version` is promoted: alone, as a canary, or in shadow.

    Raises `RolloutError` where the active version is to be one of the others.
    """
    if (shadow or canary is not None) and version == now.active:
        raise RolloutError(
            f"{now.name} {version} is the active version; promote another one instead, "
            f"or this one alone: wetread models promote {now.name} {version}"
        )
    if shadow:
        return now.with_shadow(version)
    if canary is not None:
        return now.with_canary(version, canary)
    return now.promoted(version)


def retreat(history: Sequence[RolloutChange], registry: ModelRegistry, name: str) -> RolloutChange:
    """Return the change that a rollback restores. Raises `UnknownModel` or `RolloutError`."""
    earlier = before(tuple(history))
    if earlier is None:
        known(registry, name)
        raise RolloutError(f"there is nothing to go back to: see wetread models history {name}")
    # A canary or a shadow that is gone is done without; to go back is what matters now.
    known(registry, name, earlier.rollout.active)
    return earlier


def known(registry: ModelRegistry, name: str, version: str = "") -> None:
    """Raise `UnknownModel`, with what there is, unless the model is registered."""
    held = [each.model for each in registry.manifests()]
    versions = [each.version for each in held if each.name == name]
    if not versions:
        names = ", ".join(dict.fromkeys(each.name for each in held)) or "none"
        raise UnknownModel(f"there is no model {name[:80]!r}; there are: {names}")
    if version and version not in versions:
        raise UnknownModel(
            f"{name} has no version {version[:80]!r}; there are: {', '.join(versions)}"
        )


def operator() -> str:
    """Return who calls, by the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return ""


def _held(registry: FolderRegistry, found: Candidate) -> Path | None:
    """Return where the same is held already. Raises `ManifestError` if it is not the same."""
    model = found.manifest.model
    try:
        folder = registry.folder(model)
    except UnknownModel:
        return None
    if not found.is_in(folder):
        raise ManifestError(
            f"{model} is in {folder} already, with other content; give this one another version"
        )
    return folder


def _pin(stores: Stores, registry: FolderRegistry, name: str, why: str) -> None:
    """Write down which version is active, where that only follows from what is there."""
    with suppress(UnknownModel, RolloutChanged):
        if stores.rollouts.current(name) is None:
            rollout = Rollout(name, registry.active(name).version)
            stores.rollouts.change(rollout, SystemClock().now(), after=0, who=operator(), why=why)
