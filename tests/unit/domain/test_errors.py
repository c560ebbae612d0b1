from __future__ import annotations

import inspect
import re

import pytest

from inference.domain import errors

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, errors.WetreadError)
]


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = re.search(r"[A-Z]\w+", line)
        if name and line.startswith("    "):
            drawn.append((name.start() // 4, name.group()))
    parents: dict[str, str] = {}
    for place, (depth, name) in enumerate(drawn):
        above = [each for level, each in drawn[:place] if level == depth - 1]
        parents[name] = above[-1] if above else "Exception"
    assert parents == {each.__name__: each.__base__.__name__ for each in CLASSES if each.__base__}


@pytest.mark.parametrize("kind", CLASSES)
def test_the_message_is_the_docstring(kind: type[errors.WetreadError]) -> None:
    assert str(kind()) == (kind.__doc__ or "").strip()
    assert str(kind("other words")) == "other words"
