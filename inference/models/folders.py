"""Where the models lie: folders `NAME/VERSION/`, read again when one was added."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from inference.domain.errors import ManifestError
from inference.domain.job import ModelId
from inference.models.kinds import is_gate
from inference.models.manifest import FILE_NAME, ModelFile, read_model_file

_log = logging.getLogger(__name__)

Found = Mapping[ModelId, tuple[ModelFile, Path]]


class ModelFolders:
    """The models and gates below `roots`. A root that does not exist holds none.

    A version is read once: other content is another version. Gates are read at the start
    alone, since the highest is used at once. Raises `ManifestError`; a folder that is added
    later and is not sound is passed over, and the log says why.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)
        self._lock = threading.Lock()
        self._seen = self._look()
        self._found: Found = self._read({}, strict=True)
        self.gates: Mapping[ModelId, Path] = {
            _identity(path): path for path in self._files() if is_gate(path)
        }

    def models(self, *, again: bool = False) -> Found:
        """Return what there is now; `again` reads even where nothing seems to have changed."""
        with self._lock:
            seen = self._look()
            if again or seen != self._seen:
                # Looked before reading: what comes in between is seen the next time.
                self._found = self._read(self._found, strict=False)
                self._seen = seen
            return self._found

    def _files(self) -> Iterator[Path]:
        for root in self._roots:
            yield from sorted(root.glob(f"*/*/{FILE_NAME}"))

    def _look(self) -> Mapping[Path, int]:
        """Return each manifest with its time of change: cheap enough for every Study."""
        seen = {}
        for path in self._files():
            try:
                seen[path] = path.stat().st_mtime_ns
            except OSError:  # it is being removed
                continue
        return seen

    def _read(self, known: Found, *, strict: bool) -> Found:
        found: dict[ModelId, tuple[ModelFile, Path]] = {}
        for path in self._files():
            model = _identity(path)
            if model in known and known[model][1] == path.parent:
                found[model] = known[model]
                continue
            try:
                if not is_gate(path):
                    file = _checked(path)
                    if model in found:
                        raise ManifestError(
                            f"{path}: {model} is in {found[model][1]} already; "
                            "give this one another version"
                        )
                    found[model] = (file, path.parent)
            except ManifestError as error:
                if strict:
                    raise
                _log.error("not registered: %s", error)
        return found


def _identity(path: Path) -> ModelId:
    return ModelId(path.parts[-3], path.parts[-2])


def _checked(path: Path) -> ModelFile:
    file = read_model_file(path)
    model = file.manifest.model
    if _identity(path) != model:
        raise ManifestError(
            f"{path}: it names {model}, so its folder must be {model.name}/{model.version}"
        )
    return file
