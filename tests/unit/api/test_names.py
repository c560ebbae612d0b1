"""The names that notebooks and scripts may rely on, and the page that explains them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

from wetread import api

NAMES = [
    "Answer",
    "Epoch",
    "Header",
    "Registry",
    "Table",
    "Trained",
    "compare",
    "describe_folder",
    "load_model",
    "read",
    "read_picture",
    "recognise",
    "registry",
    "table",
    "tags",
    "train",
    "validate",
]
MANUAL = Path(__file__).parents[3] / "docs" / "python.md"


def test_exported_names() -> None:
    assert sorted(api.__all__) == NAMES
    assert all(hasattr(api, name) for name in NAMES)


def test_every_name_has_a_heading_and_no_heading_is_left_over() -> None:
    lines = MANUAL.read_text().splitlines()
    assert sorted(line[3:] for line in lines if line.startswith("## ")) == NAMES


def test_every_name_is_documented_where_it_is_defined() -> None:
    for name in NAMES:
        found = getattr(api, name)
        assert inspect.getdoc(found), name
        for part, member in vars(found).items():
            if inspect.isclass(found) and inspect.isfunction(member) and part.isalpha():
                assert inspect.getdoc(member), f"{name}.{part}"


def test_importing_it_is_quick() -> None:
    heavy = "print(any(name in sys.modules for name in ('torch', 'sklearn', 'scipy', 'highdicom')))"
    code = f"import sys; from wetread import api; {heavy}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
