"""Cases: what is to be read, and what the truth is said to be."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.domain.errors import InputError

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg"))
_SUFFIXES = IMAGE_SUFFIXES | {".dcm", ".dicom", ".ima", ""}
_YES = frozenset(("1", "1.0", "true", "yes", "y", "positive", "present"))
_NO = frozenset(("0", "0.0", "false", "no", "n", "negative", "absent"))


@dataclass(frozen=True, slots=True)
class Case:
    """One image and its label, or one folder of slices of a Series and its.

    `file` is as the table names it, `path` where it lies. `columns` are the other columns of
    its row, names in lower case. `fingerprint` changes when row, label or file do.
    """

    file: str
    path: Path
    positive: bool
    patient_id: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, more than one if `path` is a folder."""
        return _files(self.path) if self.path.is_dir() else (self.path,)


@dataclass(frozen=True, slots=True)
class Labels:
    """Which rows count, and what in them is the finding.

    `column` and `positive` are found out where they are "". `subset` are pairs of column and
    value; a row counts if it has all of them.
    """

    column: str = ""
    positive: str = ""
    subset: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CaseList:
    """The cases in the order of the table; `unlabelled` rows of the subset are left out."""

    cases: tuple[Case, ...]
    labels: Labels
    unlabelled: int
    digest: str  # SHA-256 over the fingerprints


def read_cases(
    data: Path, table: Path | None, labels: Labels, names: Sequence[str], limit: int | None = None
) -> CaseList:
    """Read the cases of `data`: a folder with labels.csv, a CSV, or a folder for each label.

    `names` are what the finding is called: they tell the column and the value that say it
    where `labels` does not. `limit` draws cases by a hash of their names, so that a larger
    draw holds the smaller. Raises `InputError`.
    """
    rows, root = _rows(data, table)
    column = _column(rows, labels.column, names)
    values = sorted({row[column].strip() for row in rows} - {""})
    positive = _positive(values, labels.positive, names)
    rows = [row for row in rows if _chosen(row, labels.subset)]
    if not rows:
        raise InputError("no row of the labels is in the subset")
    labelled = [row for row in rows if row[column].strip()]
    unlabelled = len(rows) - len(labelled)
    if limit is not None:
        drawn = {id(row) for row in sorted(labelled, key=lambda row: _sha256(row["file"]))[:limit]}
        labelled = [row for row in labelled if id(row) in drawn]
    cases = tuple(_case(row, root, row[column].strip() == positive) for row in labelled)
    seen: set[str] = set()
    for case in cases:
        if case.file in seen:
            raise InputError(f"{case.file} is twice in the labels")
        seen.add(case.file)
    return CaseList(
        cases,
        Labels(column, positive, labels.subset),
        unlabelled,
        _sha256("\n".join(case.fingerprint for case in cases)),
    )


def _rows(data: Path, table: Path | None) -> tuple[list[dict[str, str]], Path]:
    """Return the rows and the folder from which `file` is reckoned."""
    root = data if data.is_dir() else data.parent
    if table is None:
        table = data / "labels.csv" if data.is_dir() else data
        if not table.exists() and data.is_dir():
            return _folders(data), root
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if "file" not in header:
                raise InputError(f"{table.name} has no column `file`")
            reader.fieldnames = header
            rows = [{key: value for key, value in row.items() if key} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table.name} is no CSV in UTF-8: {error}") from None
    if not rows:
        raise InputError(f"{table.name} has no rows")
    return rows, root


def _folders(data: Path) -> list[dict[str, str]]:
    """Take the name of each image's folder as its label."""
    rows = [
        {"file": path.relative_to(data).as_posix(), "label": path.parent.name}
        for path in sorted(data.glob("*/*"))
        if path.is_file() and path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    ]
    if not rows:
        raise InputError(
            f"{data.name} holds neither labels.csv nor a folder of images for each label"
        )
    return rows


def _column(rows: Sequence[Mapping[str, str]], asked: str, names: Sequence[str]) -> str:
    header = rows[0]
    if asked:
        if asked.lower() not in header:
            raise InputError(f"the labels have no column {asked!r}, only {', '.join(header)}")
        return asked.lower()
    for name in ("label", *(each.lower() for each in names)):
        if name in header:
            return name
    raise InputError(f"which column is the label? Say --label-column: {', '.join(header)}")


def _chosen(row: Mapping[str, str], subset: Sequence[tuple[str, str]]) -> bool:
    for column, value in subset:
        if column.lower() not in row:
            raise InputError(f"the labels have no column {column!r}, only {', '.join(row)}")
        if row[column.lower()].strip() != value:
            return False
    return True


def _positive(values: Sequence[str], asked: str, names: Sequence[str]) -> str:
    """Return the value that says that the finding is there."""
    if asked:
        if asked not in values:
            raise InputError(f"no label is {asked!r}; they are {_some(values)}")
        return asked
    wanted = {name.lower() for name in names}
    named = [value for value in values if value.lower() in wanted]
    if len(named) == 1:
        return named[0]
    if all(value.lower() in _YES | _NO for value in values):
        yes = [value for value in values if value.lower() in _YES]
        if len(yes) == 1:
            return yes[0]
    raise InputError(f"which label says that the finding is there? Say --positive: {_some(values)}")


def _case(row: Mapping[str, str], root: Path, positive: bool) -> Case:
    file = row["file"].strip()
    path = root / file
    try:
        stats = [each.stat() for each in (_files(path) if path.is_dir() else (path,))]
    except (OSError, ValueError):
        raise InputError(f"{file} is named in the labels but is not there") from None
    columns = {key: value.strip() for key, value in row.items() if key not in ("file",)}
    told = "\x1f".join(f"{key}={value}" for key, value in sorted(columns.items()))
    held = "\x1f".join(f"{stat.st_size}\x1f{stat.st_mtime_ns}" for stat in stats)
    return Case(
        file=file,
        path=path,
        positive=positive,
        patient_id=columns.get("patient_id", ""),
        columns=columns,
        fingerprint=_sha256(f"{file}\x1f{positive}\x1f{held}\x1f{told}"),
    )


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )


def _some(values: Sequence[str]) -> str:
    shown = ", ".join(values[:8])
    return f"{shown}, … ({len(values)} in all)" if len(values) > 8 else shown or "all empty"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
