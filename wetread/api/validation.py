"""Validation and comparison, as `wetread validate` does them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inference.ports import Model
from wetread.api.models import load_model
from wetread.bootstrap import VERSION

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
    subset: Mapping[str, str] | None = None,
    limit: int | None = None,
    output: str = "",
    worst: int = 6,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda done: None,
) -> Report:
    """Read every case of `data` as serving would, measure, and write the report into `out`.

    `model` is a name, a folder or a model that is loaded. `data` is a folder with labels.csv,
    a CSV, or a folder that holds one folder of images for each label; docs/validation.md says
    more of it and of every other argument. `bars` is a TOML file; `report.verdicts` says which
    of them were cleared. What `out` holds already is not read again; `advance` hears how many
    cases are done. Raises `InputError`, `SettingsError` and what `load_model` does.
    """
    from dicom_node.archive import describe
    from dicom_node.pixels import DicomPixelReader
    from inference.validation.bar import read_bars
    from inference.validation.case import Labels, read_cases
    from inference.validation.opener import Opener
    from inference.validation.validation import choose_output, names_of
    from inference.validation.validation import validate as run

    loaded = load_model(model) if isinstance(model, str | Path) else model
    asked = read_bars(Path(bars)) if bars else ()
    where = Path(data)
    finding = choose_output(loaded.manifest, output)
    chosen = Labels(label_column, positive, tuple((subset or {}).items()))
    table = Path(labels) if labels else None
    listed = read_cases(where, table, chosen, names_of(finding), limit)
    name = (where if where.is_dir() else where.with_suffix("")).resolve().name
    identity = loaded.manifest.model
    return run(
        loaded,
        finding,
        name,
        listed,
        Opener(loaded.manifest, describe, DicomPixelReader()),
        Path(out or Path("wetread-validation") / f"{identity.name}-{identity.version}" / name),
        bars=asked,
        worst_errors=worst,
        workers=workers or min(4, os.cpu_count() or 1),
        at=datetime.now(UTC),
        software_version=VERSION,
        advance=advance,
    )


def compare(first: str | Path, second: str | Path) -> Comparison:
    """Compare two validations case by case: what is `second` less `first`, and is it chance?

    Both are folders that `validate` wrote, on the same cases. Raises `InputError`.
    """
    from inference.validation.compare import compare as compare_results

    return compare_results(Path(first), Path(second))
