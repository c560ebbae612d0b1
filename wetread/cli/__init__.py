"""The command `wetread`."""

from __future__ import annotations

import sys

from rich.console import Console

from inference.domain.errors import WetreadError
from wetread.cli.app import app


def main() -> None:
    """Run the command; an error of ours is a sentence and exit code 1, not a traceback."""
    try:
        app()
    except WetreadError as error:
        Console(stderr=True).print(f"wetread: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
