from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.wetread.pages import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    pages = Pages(tmp_path)
    yield pages
    pages.stores.close()
