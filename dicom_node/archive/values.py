"""Values out of bytes that anybody may have written: never an error, at worst "" or None."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

_MAX_CHARACTERS = 1024  # PS3.5 Table 6.2-1 allows less for all that is asked for here
_AGE = re.compile(r"(\d{1,3})([DWMY]?)", re.IGNORECASE)  # AS, PS3.5 Section 6.2
_DAYS_PER_YEAR = 365.25
_DAYS_PER_UNIT = {"D": 1.0, "W": 7.0, "M": _DAYS_PER_YEAR / 12}
_MAX_AGE = 130  # years
_MAX_INTEGER = 2**31 - 1  # IS, PS3.5 Section 6.2
_CONTROL = {code: None for code in (*range(32), 127)}
_DELIMITERS = {0x5C, 0x5E, 0x3D}  # where ISO 2022 falls back to the first set, PS3.5 6.1.2.5.3

_BODY_PARTS = {
    "CHEST": {"CHEST", "THORAX", "LUNG", "LUNGS"},
    "HEAD": {"HEAD", "BRAIN", "SKULL", "CRANIUM"},
    "NECK": {"NECK"},
    "ABDOMEN": {"ABDOMEN", "ABD"},
    "PELVIS": {"PELVIS"},
}


def plain(value: bytes) -> str:
    """Decode in the default repertoire; the first of several values."""
    return _tidy(value.split(b"\\", 1)[0].decode("ascii", "replace"))


def decoder_for(character_set: bytes) -> Callable[[bytes], str]:
    """Return the decoder for a Specific Character Set (PS3.3 C.12.1.1.2)."""
    from pydicom.charset import decode_bytes, python_encoding  # slow to import

    terms = [term.strip() for term in character_set.decode("ascii", "replace").split("\\")]
    encodings = [python_encoding[term] for term in terms if term in python_encoding]
    encodings = encodings or ["iso8859"]

    def decode(value: bytes) -> str:
        if b"\x1b" in value:
            try:
                return _tidy(decode_bytes(value, encodings, _DELIMITERS))
            except (LookupError, ValueError, Warning):
                pass
        return _tidy(value.decode(encodings[0], "replace"))

    return decode


def integer(text: str) -> int | None:
    """Read an IS; some write 12.0."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER else None


def body_part_in(description: str) -> str:
    """Return the one body part that a description names, as PS3.16 Annex L calls it.

    "" where it names none, or several: Body Part Examined is Type 3, and many a CT has none.
    """
    words = set(re.split(r"[^A-Z]+", description.upper()))
    parts = {part for part, names in _BODY_PARTS.items() if words & names}
    return parts.pop() if len(parts) == 1 else ""


def age_in_years(text: str) -> float | None:
    """Read Patient's Age: 045Y, 006M, 03W, 010D; a bare number is years."""
    match = _AGE.fullmatch(text)
    if match is None:
        return None
    number, unit = int(match[1]), match[2].upper()
    if unit in _DAYS_PER_UNIT:
        return number * _DAYS_PER_UNIT[unit] / _DAYS_PER_YEAR
    return float(number) if number <= _MAX_AGE else None


def years_between(birth: str, study: str) -> float | None:
    """Return the age on the Study Date; both are DA."""
    born, studied = _date(birth), _date(study)
    if born is None or studied is None or studied < born:
        return None
    years = (studied - born).days / _DAYS_PER_YEAR
    return years if years <= _MAX_AGE else None


def _date(text: str) -> date | None:
    digits = text.replace(".", "")  # ACR-NEMA wrote 1999.12.31
    if len(digits) != 8 or not digits.isdecimal():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _tidy(text: str) -> str:
    return text[:_MAX_CHARACTERS].translate(_CONTROL).strip()
