"""How long to wait before the next try."""

from __future__ import annotations

from datetime import timedelta


def backoff(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """Return `first`, doubled with every further attempt, up to `longest`."""
    return min(first * 2.0 ** min(max(attempts - 1, 0), 30), longest)
