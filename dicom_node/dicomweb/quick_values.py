"""Values that a Series has another one of in each slice, without asking pydicom.

UIDs, numbers, dates and times, where they are as PS3.5 Section 6.2 wants them. Of anything else,
pydicom knows what may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_DECIMAL = rb" *-?[0-9]{1,10}(?:\.[0-9]{1,14})? *"
_PLAIN = {
    "DA": re.compile(rb"[0-9]{8}"),
    "DS": re.compile(rb"%b(?:\\%b)*" % (_DECIMAL, _DECIMAL)),
    "IS": re.compile(rb" *-?[0-9]{1,9} *"),
    "TM": re.compile(rb"[0-9]{6}(?:\.[0-9]{1,6})? ?"),
    "UI": re.compile(rb"[0-9.]{1,64}\0?"),
    "US": re.compile(rb"..", re.DOTALL),
}
_Values = Sequence[str] | Sequence[int] | Sequence[float]


def _text(value: bytes) -> _Values:
    return (value.rstrip(b"\0 ").decode("ascii"),)


def _decimals(value: bytes) -> _Values:
    return [float(each) for each in value.split(b"\\")]


def _integer(value: bytes) -> _Values:
    return (int(value),)


def _unsigned(value: bytes) -> _Values:
    return (int.from_bytes(value, "little"),)


_READ: dict[str, Callable[[bytes], _Values]] = {
    "DA": _text,
    "DS": _decimals,
    "IS": _integer,
    "TM": _text,
    "UI": _text,
    "US": _unsigned,
}


def quick_values(vr: str | None, value: bytes) -> _Values | None:
    """Return the values of an attribute, None where they are for pydicom to read."""
    plain = _PLAIN.get(vr or "")
    if vr is None or plain is None or not plain.fullmatch(value):
        return None
    return _READ[vr](value)
