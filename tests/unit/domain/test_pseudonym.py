"""Pseudonyms: stable, unlike each other, and not to be guessed without the key."""

from __future__ import annotations

import pytest

from inference.domain.pseudonym import Pseudonyms
from inference.domain.uid import check_uid

KEY = bytes(range(32))


def test_the_same_is_always_the_same() -> None:
    first, second = Pseudonyms(KEY), Pseudonyms(KEY)
    assert first.patient("P-7", "1.2") == second.patient(" P-7", "1.3")
    assert first.uid("1.2.3") == second.uid("1.2.3")
    assert check_uid(first.uid("1.2.3")).startswith("2.25.")


def test_another_key_gives_other_names() -> None:
    mine, theirs = Pseudonyms(KEY), Pseudonyms(bytes(32))
    assert mine.patient("P-7", "1.2") != theirs.patient("P-7", "1.2")
    assert mine.uid("1.2.3") != theirs.uid("1.2.3")


def test_what_differs_stays_apart() -> None:
    names = Pseudonyms(KEY)
    made = {
        names.patient("P-7", "1.2"),
        names.patient("P-8", "1.2"),
        names.patient("", "1.2"),
        names.patient("", "1.3"),
        names.reviewer("P-7"),
        names.uid("P-7"),
    }
    assert len(made) == 6


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Pseudonyms(b"secret")
