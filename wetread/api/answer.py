"""One reading, from files to report and overlay, without a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive import describe
from inference.domain.errors import InputError
from inference.domain.finding import Finding
from inference.domain.instance import Instance, Origin, Priority, Source
from inference.domain.job import JobRequest
from inference.domain.refusal import Refusal
from inference.domain.result import Result, Role
from inference.ports import EncodedObject, Evidence, Model
from wetread import settings
from wetread.api.models import load_model
from wetread.bootstrap import VERSION, build_registry


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node would answer. `evidence` holds picture and heat map of each Instance."""

    result: Result
    evidence: tuple[Evidence, ...]
    objects: tuple[EncodedObject, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.result.findings

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Why an Instance was not assessed."""
        return self.result.refusals

    @property
    def text(self) -> str:
        """The Structured Report as lines of at most 96 characters."""
        from structured_reports.text import report_as_text

        return report_as_text(self._of(Role.REPORT)[0].part10)

    @property
    def overlays(self) -> list[NDArray[np.uint8]]:
        """The overlays, each (rows, columns, 3), RGB; none where nothing was assessed."""
        from structured_reports.overlay import overlay_frames

        return [frame for each in self._of(Role.OVERLAY) for frame in overlay_frames(each.part10)]

    def save(self, folder: str | Path) -> list[Path]:
        """Write the DICOM objects into `folder`, one file each, and return their paths."""
        where = Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, each in enumerate(self.objects, start=1):
            path = where / f"{number}-{each.role.value.replace(' ', '-')}.dcm"
            path.write_bytes(each.part10)
            paths.append(path)
        return paths

    def _of(self, role: Role) -> list[EncodedObject]:
        return [each for each in self.objects if each.role is role]


def read(
    files: str | Path | Sequence[str | Path], model: Model | str | Path, *, gate: bool | None = None
) -> Answer:
    """Read DICOM files of one Study with `model`, as the worker of a node does.

    `files` is a file, a folder or several files. `gate`: whether the model's gate may refuse a
    picture; as the node's settings say where it is None. Nothing is stored and nothing is
    sent. Raises `InputError`, `ModelFailed` and what `load_model` does.
    """
    from dicom_node.pixels import DicomPixelReader
    from inference.worker.reading import Reader
    from structured_reports.encoder import DicomResultEncoder

    loaded = load_model(model) if isinstance(model, str | Path) else model
    instances = [_instance(path) for path in _paths(files)]
    studies = {each.study_instance_uid for each in instances}
    if len(studies) != 1:
        raise InputError(f"the files must be of one Study; they are of {len(studies)}")
    request = JobRequest(
        study_instance_uid=studies.pop(),
        revision=1,
        model=loaded.manifest.model,
        rule="",
        priority=Priority.MEDIUM,
        instances=tuple(each.sop_instance_uid for each in instances),
    )
    configuration = settings.load()
    gates = configuration.gate if gate is None else gate
    reader = Reader(
        _Files(), DicomPixelReader(), gates=build_registry(configuration) if gates else None
    )
    reading = reader.read(request, loaded, instances, datetime.now(UTC))
    encoder = DicomResultEncoder(software_version=VERSION)
    objects = encoder.encode(reading.result, loaded.manifest, reading.evidence, None)
    return Answer(reading.result, reading.evidence, tuple(objects))


class _Files:
    """Keys that are paths already."""

    def path(self, key: str) -> Path:
        return Path(key)


def _paths(files: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(files, str | Path):
        return [Path(each) for each in files]
    path = Path(files)
    if path.is_dir():
        return [each for each in sorted(path.rglob("*")) if each.is_file()]
    return [path]


def _instance(path: Path) -> Instance:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return Instance(describe(path), Origin(Source.DIMSE), str(path), "", size)
