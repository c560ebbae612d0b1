"""`wetread models add`: a model joins those that are there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inference.domain.errors import ManifestError, RolloutChanged, UnknownModel
from inference.domain.rollout import Rollout
from wetread import settings
from wetread.bootstrap import Stores, SystemClock, build_registry, open_stores
from wetread.cli.output import AsJson, console, print_json
from wetread.cli.rollouts import operator

if TYPE_CHECKING:
    from inference.models.candidate import Candidate
    from inference.models.registry import FolderRegistry


def add(
    source: Annotated[
        Path, typer.Argument(help="A folder with a model.toml, or a zip of one.", exists=True)
    ],
    as_json: AsJson = False,
) -> None:
    """Check a model, try it out, and copy it into the state directory.

    Nothing that patients are read with changes by it: see `promote`.
    """
    from inference.models.candidate import candidate

    configuration = settings.load()
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
    if as_json:
        print_json(
            {
                "name": model.name,
                "version": model.version,
                "folder": str(folder),
                "added": already is None,
                "warnings": list(warnings),
                "in_use": {stage.value: each for stage, each in current.versions.items()}
                if current
                else {},
            }
        )
        return
    for warning in warnings:
        console.print(f"[yellow]Warning:[/] {warning}", soft_wrap=True)
    done = "is there already" if already else "was added"
    console.print(f"{model} {done}: {folder}", highlight=False, soft_wrap=True)
    console.print(f"In use: {current}", highlight=False)
    if current and not current.stage(model.version):
        console.print(f"Next: wetread models promote {model.name} {model.version} --shadow")


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
