"""The content of a `model.toml` as text; the standard library only reads TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def to_toml(content: Mapping[str, Any]) -> str:
    """Write what a manifest may hold: values, then tables, then lists of tables."""
    lines = [f"{key} = {_value(value)}" for key, value in content.items() if not _is_table(value)]
    for key, value in content.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *(f"{k} = {_value(v)}" for k, v in value.items())]
    for key, value in content.items():
        if _is_table(value) and isinstance(value, list):
            for each in value:
                lines += ["", f"[[{key}]]", *(f"{k} = {_value(v)}" for k, v in each.items())]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    )


def _value(value: object) -> str:
    # For text, numbers, truth values and lists of them, JSON is TOML too.
    return json.dumps(value, ensure_ascii=False)
