"""What a folder of a model holds, told without torch."""

from __future__ import annotations

import tomllib
from pathlib import Path

CARD = "CARD.md"
GATE = "gate"  # the kind of a gate, in its `model.toml` and where its training is configured


def kind_of(path: Path) -> str:
    """Return what a TOML file calls its kind; "" where it does not say, or cannot be read."""
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("kind", ""))
    except (OSError, ValueError):
        return ""


def is_gate(path: Path) -> bool:
    """Is this `model.toml` one of a gate?"""
    return kind_of(path) == GATE
