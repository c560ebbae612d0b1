"""What came of each case, on disk as soon as it is known."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from inference.domain.errors import InputError
from inference.validation.case import Case

FILE_NAME = "results.jsonl"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What all records of a file have in common: without it they could not be counted together.

    `gate`: its name and version, "" where none looked at the pixels.
    """

    model: str
    version: str
    weights_sha256: str
    output: str
    threshold: float
    label_column: str
    positive: str
    subset: tuple[tuple[str, str], ...] = ()
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What the pipeline answered on a case.

    `certainty` is None where it refused; `reason` and `detail` then say why. `presence` is
    what the report would say. `read_seconds` went into opening and decoding, `model_seconds`
    are the case's share of its batch.
    """

    file: str
    fingerprint: str
    positive: bool
    patient_id: str
    certainty: float | None
    presence: str = ""
    reason: str = ""
    detail: str = ""
    age: float | None = None
    sex: str = ""
    view: str = ""
    manufacturer: str = ""
    source: str = ""
    read_seconds: float = 0.0
    model_seconds: float = 0.0


class ResultsFile:
    """A JSON Lines file: the identity first, then one record a line, appended as they come.

    Only one process writes at a time. A line that a crash cut short is dropped and its case
    read again. Raises `InputError` if the file is of another run.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            whole = path.read_bytes().rpartition(b"\n")[0]
            os.truncate(self._file, len(whole) + 1 if whole else 0)
            if whole:
                found, self._records = read_results(path)
                _check_same(path, found, identity)
            else:
                self._records = {}
                self._write([{"format": _FORMAT, **asdict(identity)}])
        except BlockingIOError:
            os.close(self._file)
            raise InputError(f"another run writes {path}") from None
        except InputError:
            os.close(self._file)
            raise

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def find(self, case: Case) -> Record | None:
        """Return the record of `case` if it was made of the same file, row and label."""
        record = self._records.get(case.file)
        return record if record and record.fingerprint == case.fingerprint else None

    def append(self, records: Iterable[Record]) -> None:
        records = list(records)
        self._write([asdict(record) for record in records])
        self._records.update((record.file, record) for record in records)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        while lines:
            lines = lines[os.write(self._file, lines) :]


def read_results(path: Path) -> tuple[Identity, dict[str, Record]]:
    """Return identity and records by file, the last of each. Raises `InputError`."""
    if path.is_dir():
        path = path / FILE_NAME
    try:
        # Not `splitlines`: it also breaks at characters that JSON leaves in strings.
        first, *rest = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        head = json.loads(first)
        if head.pop("format") != _FORMAT:
            raise InputError(f"{path} is of another release of Wetread")
        head["subset"] = tuple((column, value) for column, value in head["subset"])
        identity = Identity(**head)
        records = {row["file"]: Record(**row) for row in map(json.loads, rest)}
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} holds no results of `wetread validate`") from None
    return identity, records


def _check_same(path: Path, found: Identity, asked: Identity) -> None:
    for field in fields(Identity):
        was, now = getattr(found, field.name), getattr(asked, field.name)
        if was != now:
            raise InputError(
                f"{path} is of another run ({field.name} was {was!r}, is {now!r}); "
                "name another folder with --out, or remove it"
            )
