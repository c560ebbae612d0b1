"""An origin server, empty or with a little in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.origin import OriginServer


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[OriginServer]:
    with OriginServer(tmp_path) as server:
        yield server
