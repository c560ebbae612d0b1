"""Values that a VR allows (PS3.5 Section 6.2)."""

from __future__ import annotations

import pytest

from structured_reports.valid import is_utc_offset, is_valid

_GOOD = [
    ("AS", "081Y"),
    ("CS", "CHEST PA_1"),
    ("DA", "20240229"),
    ("LO", "Müller's clinic"),
    ("PN", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("PN", "Jane_Doe"),
    ("PN", "=山田　太郎"),  # with an ideographic space
    ("PN", "علی\u200cرضا"),  # with a zero-width non-joiner
    ("LO", "\u200f1234"),  # behind a right-to-left mark
    ("SH", "A\u00a01"),
    ("SH", "A" * 16),
    ("TM", "185059.5"),
    ("TM", "18"),
]
_BAD = [
    ("AS", "81"),
    ("AS", "٠٨١Y"),
    ("CS", "chest"),
    ("CS", "A" * 17),
    ("DA", "20230229"),
    ("DA", "2023-02-28"),
    ("DA", "1901"),
    ("LO", "A" * 65),
    ("LO", "two\\values"),
    ("LO", "bell\x07"),
    ("LO", "line\u2028line"),
    ("LO", "half \ud800"),
    ("LO", "lost �"),
    ("PN", "A" * 65),
    ("PN", "a=b=c=d"),
    ("PN", "a^b^c^d^e^f"),
    ("SH", "A" * 17),
    ("TM", "25"),
    ("TM", "12:30"),
    *((vr, "") for vr in ("AS", "CS", "DA", "LO", "PN", "SH", "TM")),
]


@pytest.mark.parametrize(("vr", "text"), _GOOD)
def test_valid(vr: str, text: str) -> None:
    assert is_valid(vr, text)


@pytest.mark.parametrize(("vr", "text"), _BAD)
def test_not_valid(vr: str, text: str) -> None:
    assert not is_valid(vr, text)


@pytest.mark.parametrize("text", ["+0000", "-0500", "+1400", "+0530", "-0030"])
def test_offset(text: str) -> None:
    assert is_utc_offset(text)


@pytest.mark.parametrize("text", ["", "-0000", "+1500", "0100", "+01:00", "+1401"])
def test_no_offset(text: str) -> None:
    assert not is_utc_offset(text)
