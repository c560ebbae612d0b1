"""The chart, rendered by Helm 3 and by Helm 4."""

from __future__ import annotations

import pytest

from tests.support.helm import Helm


@pytest.fixture(params=[3, 4], ids=["helm-3", "helm-4"])
def helm(request: pytest.FixtureRequest) -> Helm:
    return Helm(request.param)


@pytest.fixture
def helm4() -> Helm:
    """For what no version of Helm does differently."""
    return Helm(4)
