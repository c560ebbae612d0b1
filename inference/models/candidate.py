"""A model folder that wants to be registered: copied aside, tried out, then moved in whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from inference.domain.errors import ManifestError, ModelFailed
from inference.domain.geometry import Plane
from inference.domain.manifest import Manifest, Scope
from inference.models.kinds import CARD, is_gate
from inference.models.manifest import FILE_NAME, read_model_file
from inference.models.registry import FolderRegistry
from inference.ports import Assessment, Picture

_PREFIX = ".adding-"  # no model's name begins with a dot, so no registry looks in there
_SPACING_MM = 1.0  # of the made-up pictures, also from slice to slice


class Candidate:
    """A copy on the disk of the models, so that what was tried out is what is moved in."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    def try_out(self) -> tuple[str, ...]:
        """Load the model, let it read a made-up picture; return warnings.

        Raises `ManifestError`, `WeightsChanged` or `ModelFailed`.
        """
        registry = FolderRegistry([self.folder.parent.parent])
        model = registry.load(self.manifest.model)
        pictures = made_up(self.manifest)
        check(self.manifest, pictures, model.assess(pictures))
        if not (self.folder / CARD).is_file():
            return (f"there is no {CARD}: nobody can read what the model was measured on",)
        return ()

    def is_in(self, folder: Path) -> bool:
        """Has `folder` the same files?"""
        return _digests(folder) == _digests(self.folder)

    def move_in(self, root: Path) -> Path:
        """Move it to `root/NAME/VERSION`, at once and for good; return that folder."""
        model = self.manifest.model
        target = root / model.name / model.version
        for path in (self.folder, *self.folder.rglob("*")):
            _sync(path)
        target.parent.mkdir(exist_ok=True)
        os.rename(self.folder, target)
        _sync(target.parent)
        _sync(root)
        return target


@contextmanager
def candidate(source: Path, root: Path) -> Iterator[Candidate]:
    """Copy `source`, a folder or a zip file, beside the models in `root`.

    One at a time; what was left by one that was killed is swept. Raises `ManifestError`.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        for left in root.glob(f"{_PREFIX}*"):
            shutil.rmtree(left)
        aside = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        try:
            found = _unpacked(source, aside / "zip") if source.is_file() else source
            path = found / FILE_NAME
            if is_gate(path):
                raise ManifestError(
                    f"{path}: this is a gate; gates come with Wetread, since a new one would "
                    "change at once what every model reads"
                )
            manifest = read_model_file(path).manifest
            folder = aside / manifest.model.name / manifest.model.version
            shutil.copytree(found, folder)
            yield Candidate(folder, manifest)
        finally:
            shutil.rmtree(aside)


def made_up(manifest: Manifest) -> list[Picture]:
    """Return the smallest input that the manifest accepts: grey noise, slice by slice."""
    needs = manifest.needs
    random = np.random.default_rng(0)
    shape = (needs.minimum_rows, needs.minimum_columns)
    return [
        Picture(
            random.random(shape, dtype=np.float32),
            spacing_mm=(_SPACING_MM, _SPACING_MM),
            plane=Plane((0.0, 0.0, number * _SPACING_MM), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        )
        for number in range(needs.minimum_slices if manifest.reads is Scope.SERIES else 1)
    ]


def check(manifest: Manifest, pictures: Sequence[Picture], answers: Sequence[Assessment]) -> None:
    """Raise `ModelFailed` where an answer is not what the manifest and the port promise."""
    model = manifest.model
    if len(answers) != len(pictures):
        raise ModelFailed(f"{model}: {len(answers)} answers on {len(pictures)} pictures")
    names = {output.name for output in manifest.outputs}
    for picture, answer in zip(pictures, answers, strict=True):
        if set(answer.certainty) != names:
            raise ModelFailed(f"{model}: it answers {sorted(answer.certainty)}, not {names}")
        boxes = [box.certainty for found in answer.boxes.values() for box in found]
        for certainty in (*answer.certainty.values(), *boxes):
            # Not a number compares as False.
            if not 0.0 <= certainty <= 1.0:
                raise ModelFailed(f"{model}: a certainty is {certainty}, not within 0 to 1")
        for shown in (*answer.heat_maps.values(), *answer.masks.values()):
            if shown.shape != picture.pixels.shape or not np.isfinite(shown).all():
                raise ModelFailed(f"{model}: a map or mask does not fit its picture")


def _unpacked(source: Path, folder: Path) -> Path:
    """Return where the one manifest of a zip file lies, unpacked below `folder`."""
    try:
        with zipfile.ZipFile(source) as packed:
            packed.extractall(folder)
    except (zipfile.BadZipFile, OSError) as error:
        raise ManifestError(f"{source}: neither a folder nor a zip file: {error}") from error
    found = list(folder.rglob(FILE_NAME))
    if len(found) != 1:
        raise ManifestError(f"{source}: it holds {len(found)} files {FILE_NAME}, not one")
    return found[0].parent


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
