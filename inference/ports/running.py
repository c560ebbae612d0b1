"""What runs, and the time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...


class Service(Protocol):
    """Something that runs until it is told to stop."""

    @property
    def name(self) -> str: ...

    @property
    def alive(self) -> bool:
        """False where it ended and nobody had asked it to."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None:
        """Finish what is under way and return when nothing runs any more."""
        ...


class Leadership(Protocol):
    """A right that one process at a time has."""

    def acquire(self) -> bool:
        """Try to get it; True where it is held now."""
        ...

    def held(self) -> bool:
        """Is it still ours? It is lost with the connection to whoever grants it."""
        ...

    def release(self) -> None: ...
