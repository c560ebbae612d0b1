"""`python -m tests.conformance`: hold every clause, and write the table into the manual."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance.table import Recorder, write

if __name__ == "__main__":
    recorder, folder = Recorder(), Path(__file__).parent
    options = ["-q", "-p", "no:cacheprovider", f"--ignore={folder / 'test_table.py'}"]
    code = pytest.main([*options, str(folder)], [recorder])
    write(recorder)
    sys.exit(code)
