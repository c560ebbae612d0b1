"""Nodes that tests start, and the images of containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import launched
from tests.support.compose import SAID, services
from tests.support.docker import Docker, build_image, build_stand_in, images
from tests.support.node import Node


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Start a node with the settings of `Node`; it is stopped after the test."""
    with ExitStack() as stack:
        count = 0

        def make(**settings: Any) -> Node:
            nonlocal count
            count += 1
            directory = tmp_path / f"node-{count}"
            directory.mkdir(exist_ok=True)
            return stack.enter_context(Node(directory, **settings))

        yield make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for `browser_page`. No longer than a module: it runs an event loop here."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def docker_folder() -> Iterator[Path]:
    """The data of a Docker that has Wetread's image, and all that compose.yaml asks for."""

    def build(docker: Docker) -> None:
        build_image(docker)
        for name in ("postgresql", "orthanc"):
            build_stand_in(docker, name, services(**SAID)[name]["image"])

    with images(build) as folder:
        yield folder
