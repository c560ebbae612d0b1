from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.domain.errors import InvalidUid
from inference.domain.uid import check_uid, derive_uid


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008.1.1", "0.00.1", "1." + "2" * 62])
def test_a_uid_passes(uid: str) -> None:
    assert check_uid(uid) == uid


@pytest.mark.parametrize(
    "uid",
    [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2\n",
        "1.2\x00",
        " 1.2",
        "1.2/../3",
        "../1",
        "1.٢",  # a digit, but not of ASCII
        "1a",
        "1." + "2" * 63,
    ],
)
def test_what_is_no_uid_is_refused(uid: str) -> None:
    with pytest.raises(InvalidUid):
        check_uid(uid)


def test_the_message_is_short_and_printable() -> None:
    with pytest.raises(InvalidUid) as caught:
        check_uid("\x1b[31m" * 1000)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


@given(st.lists(st.text() | st.integers(), min_size=1))
def test_a_derived_uid_is_valid_and_always_the_same(parts: list[str | int]) -> None:
    uid = derive_uid(*parts)
    assert check_uid(uid) == uid == derive_uid(*parts)
    assert uid.startswith("2.25.")


def test_a_derived_uid_tells_its_parts_apart() -> None:
    assert derive_uid("a", "bc") != derive_uid("ab", "c")
