"""The command `wetread`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from rich.console import Console

from inference.domain.errors import WetreadError


def main() -> None:
    """Run the command; an error of ours is a sentence and exit code 1, not a traceback."""
    if os.getpid() == 1:
        # In a container. The kernel keeps from process 1 every signal that it has no handler for,
        # so what is still loading, or trains, would not stop before it is killed.
        signal.signal(signal.SIGTERM, leave)
    from wetread.cli.app import app  # which takes a while

    try:
        app()
    except WetreadError as error:
        Console(stderr=True).print(f"wetread: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


def leave(number: int, frame: FrameType | None) -> None:
    """End, as a handler of signals, by way of every `finally`."""
    sys.exit(128 + number)  # as a shell says of a program that a signal ended
