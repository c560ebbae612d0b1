"""What a folder of a model holds, told without torch."""

from __future__ import annotations

import tomllib
from pathlib import Path

CARD = "CARD.md"
KIND = "gate"  # of the file `model.toml`


def is_gate(path: Path) -> bool:
    """Is this `model.toml` one of a gate? False, too, where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError):
        return False
