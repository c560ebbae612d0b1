"""Is this text a value that its VR allows? (PS3.5 Section 6.2)

Headers in the field hold ages without a unit, dates of a database, and worse. What is not
valid is not copied: a wrong result object is refused by the next archive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from inference.domain.characters import is_graphic

_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
_AGE = re.compile(r"\d{3}[DWMY]")
_CODE_STRING = re.compile(r"[A-Z0-9 _]{1,16}")
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_MAX_UID = 64  # characters, PS3.5 Section 9.1
_OFFSET = re.compile(r"(\+(0\d|1[0-3])[0-5]\d|\+1400|-(0[1-9]|1[0-2])[0-5]\d|-00(0[1-9]|[1-5]\d))")
_MAX_GROUPS = 3  # component groups of a Person Name
_MAX_COMPONENTS = 5
_MAX_LO = 64  # characters
_MAX_SH = 16  # characters
_ASCII = frozenset({"AS", "CS", "DA", "TM"})  # in the default repertoire only


def _plain(text: str) -> bool:
    return is_graphic(text) and "\\" not in text and "�" not in text


def _date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{8}", text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def _person_name(text: str) -> bool:
    groups = text.split("=")
    return (
        _plain(text)
        and len(groups) <= _MAX_GROUPS
        and all(len(group) <= _MAX_LO and group.count("^") < _MAX_COMPONENTS for group in groups)
    )


_CHECKS: dict[str, Callable[[str], bool]] = {
    "AS": lambda text: bool(_AGE.fullmatch(text)),
    "CS": lambda text: bool(_CODE_STRING.fullmatch(text)),
    "DA": _date,
    "LO": lambda text: _plain(text) and len(text) <= _MAX_LO,
    "PN": _person_name,
    "SH": lambda text: _plain(text) and len(text) <= _MAX_SH,
    "TM": lambda text: bool(_TIME.fullmatch(text)),
}


def is_valid(vr: str, text: str) -> bool:
    """Is `text`, without padding, a valid single value of `vr`? An empty one is not."""
    return bool(text) and (text.isascii() or vr not in _ASCII) and _CHECKS[vr](text)


def is_utc_offset(text: str) -> bool:
    """Is `text` a Timezone Offset From UTC (PS3.3 C.12.1.1.8)?"""
    return bool(_OFFSET.fullmatch(text))


def is_uid(text: str) -> bool:
    """Is `text` a UID (PS3.5 Section 9.1)?"""
    return len(text) <= _MAX_UID and bool(_UID.fullmatch(text))
