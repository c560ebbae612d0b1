"""Validation and comparison, as `wetread validate` does them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inference.domain.job import ModelId
from inference.ports import Model
from wetread import settings
from wetread.api.models import load_model
from wetread.bootstrap import VERSION, build_reader, build_registry

if TYPE_CHECKING:  # scikit-learn and SciPy take seconds to import
    from inference.validation.compare import Comparison
    from inference.validation.report import Report


def validate(
    model: Model | str | Path,
    data: str | Path,
    out: str | Path | None = None,
    *,
    bars: str | Path | None = None,
    labels: str | Path | None = None,
    label_column: str = "",
    positive: str = "",
    version: str = "",
    subset: Mapping[str, str] | None = None,
    limit: int | None = None,
    output: str = "",
    worst: int = 6,
    workers: int | None = None,
    lanes: int | None = None,
    gated: bool | None = None,
    begin: Callable[[int], None] = lambda cases: None,
    advance: Callable[[int], None] = lambda done: None,
) -> Report:
    """Read every case of `data` as serving would, measure, and write the report into `out`.

    `model` is a name, of which `version` chooses another than the active version, a folder or
    a model that is loaded. `data` is a folder with labels.csv,
    a CSV, or a folder that holds one folder of images for each label; docs/validation.md says
    more of it and of every other argument. `bars` is a TOML file; `report.verdicts` says which
    of them were cleared. So many `lanes` read side by side on one core each, as many as there
    are cores if not said; a model that is loaded has but one. `gated` says whether the gate
    looks first, as the settings have it if not said. What `out` holds already is not read
    again; `begin` hears how many cases there are, `advance` how many more are done. Raises
    `InputError`, `SettingsError` and what `load_model` does.
    """
    from dicom_node.archive import describe
    from dicom_node.pixels import DicomPixelReader
    from inference.models.threads import use_threads
    from inference.validation.bar import read_bars
    from inference.validation.case import Labels, read_cases
    from inference.validation.opener import Opener
    from inference.validation.run import Lane
    from inference.validation.validation import choose_output, names_of
    from inference.validation.validation import validate as run

    configuration = settings.load(gate=gated)
    count = (lanes or min(4, os.cpu_count() or 1)) if isinstance(model, str | Path) else 1
    # A lane has networks of its own: one network reads one batch at a time.
    models = [
        load_model(model, version) if isinstance(model, str | Path) else model for _ in range(count)
    ]
    registries = [build_registry(configuration) for _ in models]
    if count > 1:
        use_threads(1)
    loaded = models[0]
    asked = read_bars(Path(bars)) if bars else ()
    where = Path(data)
    finding = choose_output(loaded.manifest, output)
    chosen = Labels(label_column, positive, tuple((subset or {}).items()))
    table = Path(labels) if labels else None
    listed = read_cases(where, table, chosen, names_of(finding), limit)
    gate = loaded.manifest.gate if configuration.gate else ""
    begin(len(listed.cases))
    return run(
        [
            Lane(each, build_reader(configuration, registry))
            for each, registry in zip(models, registries, strict=True)
        ],
        finding,
        _name(where),
        listed,
        Opener(loaded.manifest, describe, DicomPixelReader()),
        Path(out or validation_folder(loaded.manifest.model, where)),
        gate=f"{gate} {registries[0].gate(gate).model.version}" if gate else "",
        bars=asked,
        worst_errors=worst,
        workers=workers or min(4, os.cpu_count() or 1),
        at=datetime.now(UTC),
        software_version=VERSION,
        advance=advance,
    )


def validation_folder(model: ModelId, data: Path) -> Path:
    """Return where the results on `data` go if nobody says."""
    return Path("wetread-validation") / f"{model.name}-{model.version}" / _name(data)


def _name(data: Path) -> str:
    return (data if data.is_dir() else data.with_suffix("")).resolve().name


def compare(first: str | Path, second: str | Path) -> Comparison:
    """Compare two validations case by case: what is `second` less `first`, and is it chance?

    Both are folders that `validate` wrote, on the same cases. Raises `InputError`.
    """
    from inference.validation.compare import compare as compare_results

    return compare_results(Path(first), Path(second))
