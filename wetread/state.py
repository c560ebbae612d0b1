"""The state directory: made, looked for, and held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.domain.errors import SettingsError
from wetread.settings import Settings


def database_file(settings: Settings) -> Path:
    return settings.state / "wetread.db"


def make_state(settings: Settings) -> None:
    """Raises `SettingsError` where that cannot be done."""
    with _writing(settings):
        settings.state.mkdir(parents=True, exist_ok=True)


def check_state(settings: Settings) -> None:
    """Raise `SettingsError` where the embedded form is meant and no node has run yet."""
    if settings.is_embedded and not database_file(settings).exists():
        raise SettingsError(
            f"no node has run in {settings.state} yet; start one with `wetread serve`, "
            "or name its state directory in WETREAD_HOME"
        )


def mark_moved(settings: Settings) -> None:
    """From now on nobody serves the embedded form from here by mistake."""
    with _writing(settings):
        _mark(settings).touch()


def check_not_moved(settings: Settings) -> None:
    """Raise `SettingsError` where all that a node held was moved away: it would part in two."""
    if settings.is_embedded and _mark(settings).exists():
        raise SettingsError(
            f"what {settings.state} holds was moved to PostgreSQL by `wetread migrate --to`: set "
            "WETREAD_DATABASE_URL to that database. If nothing was served from there, and nothing "
            f"shall be, remove {_mark(settings)}"
        )


def _mark(settings: Settings) -> Path:
    return settings.state / "moved"


@contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """Hold the state directory for one serving process; on PostgreSQL, several may serve."""
    make_state(settings)
    if not settings.is_embedded:
        yield
        return
    with _writing(settings):
        lock = os.open(settings.state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SettingsError(
            f"another `wetread serve` uses {settings.state}; stop it, or set WETREAD_HOME"
        ) from None
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _writing(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"the state directory {settings.state} cannot be written: {error.strerror}. Let this "
            "user write there, or name another one in WETREAD_HOME"
        ) from error
