"""Nodes that tests start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

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
