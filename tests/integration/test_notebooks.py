"""The notebooks run, and what is kept of their outputs is fit to be seen."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Where somebody's machine shows through. A path within the notebook's folder is relative.
PLACES = re.compile(r"(?<![\w.])(/(home|root|tmp|work|Users|opt|usr|var)/|[A-Z]:\\\\)")
LARGEST = 1_500_000  # bytes of one notebook, so that GitHub shows it


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [each for each in cells if each["cell_type"] == "code"]


@pytest.mark.timeout(1200)
def test_all_run_in_their_order() -> None:
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), "--short"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1100, check=False)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"\.ipynb: \d+ s", done.stdout)) == len(NOTEBOOKS) == 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_outputs_are_of_one_run_without_a_fault(path: Path) -> None:
    numbers = count(1)
    for cell in code_cells(path):
        assert cell["execution_count"] == next(numbers)
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_small_and_name_nobodys_folders(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    for cell in code_cells(path):
        for output in cell["outputs"]:
            output.get("data", {}).pop("image/png", None)
        found = PLACES.search(json.dumps(cell, ensure_ascii=False))
        assert found is None, "".join(cell["source"])
