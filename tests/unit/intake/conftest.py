"""The benches of the intake's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.fakes.archive import FakeArchive
from tests.unit.intake.worklist_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(FakeArchive(tmp_path))
