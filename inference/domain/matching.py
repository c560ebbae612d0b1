"""How values are matched (PS3.4 Section C.2.2.2), on keys that compare as plain text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TIME = re.compile(r"(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these: Single Value Matching, or a list of UIDs (C.2.2.2.1, C.2.2.2.2)."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`*` stands for any characters, `?` for one (C.2.2.2.4)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """From `first` to `last`, both included; "" is no limit (C.2.2.2.5)."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Empty:
    """No value at all (C.2.2.2.7)."""


Match = AnyOf | Like | Between | Empty


def folded(name: str) -> str:
    """Return a Person Name without case, accents and empty components at its end.

    Müller, MULLER and muller are then one; what has no such letters stays as it is.
    """
    apart = unicodedata.normalize("NFKD", name.casefold())
    # Class 8 makes another letter, and no accent: the voicing marks of Kana.
    plain = "".join(each for each in apart if unicodedata.combining(each) in (0, 8))
    groups = [
        group.rstrip("^ ").strip() for group in unicodedata.normalize("NFC", plain).split("=")
    ]
    return "=".join(groups).rstrip("=")


def date_key(date: str) -> str:
    """Return a DA as YYYYMMDD; ACR-NEMA wrote 1999.12.31. What is no date is no key."""
    digits = date.replace(".", "").replace("-", "")
    return digits if len(digits) == 8 and digits.isascii() and digits.isdigit() else ""


def time_key(time: str) -> str:
    """Return a TM as HHMMSS.FFFFFF, the start of what it names; "" for what is no time."""
    parts = _TIME.fullmatch(time.replace(":", "").strip())
    if parts is None:
        return ""
    hours, minutes, seconds, fraction = (part or "" for part in parts.groups())
    return f"{hours}{minutes or '00'}{seconds or '00'}.{fraction:0<6}"


def last_time_key(time: str) -> str:
    """Return the end of what a TM names: 10 is the hour up to 105959.999999."""
    parts = _TIME.fullmatch(time.replace(":", "").strip())
    if parts is None:
        return ""
    hours, minutes, seconds, fraction = (part or "" for part in parts.groups())
    return f"{hours}{minutes or '59'}{seconds or '59'}.{fraction:9<6}"
