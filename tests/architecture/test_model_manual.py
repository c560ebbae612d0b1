"""The manual of `model.toml` has every key that the parser knows, and its examples are valid."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from inference.domain.manifest import Explanation, Format, Task
from inference.models.manifest import ModelFile, parse_model_file
from inference.models.table import Table

TEXT = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


class Asked(dict[str, Any]):
    """Notes every key that is asked for, by the path of its table."""

    def __init__(self, content: dict[str, Any], prefix: str, asked: set[str]) -> None:
        super().__init__(content)
        self._prefix = re.sub(r"\[\d+\]", "", prefix)
        self._asked = asked

    def pop(self, key: str, *default: Any) -> Any:
        self._asked.add(self._prefix + key)
        return super().pop(key, *default)

    def __contains__(self, key: object) -> bool:
        self._asked.add(f"{self._prefix}{key}")
        return super().__contains__(key)


def parsed(text: str) -> ModelFile:
    return parse_model_file(tomllib.loads(text), "example")


def test_every_key_is_in_the_manual_and_no_key_is_left_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: set[str] = set()
    original = Table.__init__

    def noting(self: Table, raw: Any, source: str, prefix: str = "") -> None:
        original(self, raw, source, prefix)
        self._rest = Asked(self._rest, prefix, asked)

    monkeypatch.setattr(Table, "__init__", noting)
    for example in EXAMPLES:
        parsed(example)
    architecture = '\nformat = "state-dict"\narchitecture = "efficientnet-lite0"\n'
    parsed(
        EXAMPLES[0]
        .replace('\nformat = "torchscript"\n', architecture)
        .replace("chest.pt", "chest.safetensors")
    )
    documented = set(
        re.findall(r"^\| `([a-z_0-9]+(?:\.[a-z_0-9]+)?)` \|[^|]*\|[^|]*\|[^|]*\|$", TEXT, re.M)
    )
    assert documented == asked


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_valid(example: str) -> None:
    parsed(example)


def test_there_is_an_example_for_every_task_and_foreign_format() -> None:
    manifests = [parsed(example).manifest for example in EXAMPLES]
    assert {each.format for each in manifests} == set(Format) - {Format.STATE_DICT}
    assert {each.task for each in manifests} == set(Task)


@pytest.mark.parametrize("name", [*Format, *Task, *Explanation])
def test_every_value_is_in_the_manual(name: str) -> None:
    assert f"`{name}`" in TEXT
