"""An origin server with a study of images in several transfer syntaxes, and one of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.origin import OriginServer
from tests.support.studies import fill


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    with OriginServer(tmp_path_factory.mktemp("origin")) as server:
        for made in fill():
            server.add(made)
        yield server
