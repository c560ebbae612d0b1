"""Values of a query as matches (PS3.4 Section C.2.2.2)."""

from __future__ import annotations

import pytest

from inference.domain.catalog import Condition, Field
from inference.domain.errors import InvalidQuery, InvalidUid
from inference.domain.keys import can_match, is_range, joined, match_of
from inference.domain.matching import AnyOf, Between, Empty, Like, Match

DATE, TIME = Field.STUDY_DATE, Field.STUDY_TIME


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        (Field.PATIENT_ID, "", None),
        (Field.PATIENT_ID, "*", None),
        (Field.PATIENT_ID, "P1", AnyOf(("P1",))),
        (Field.PATIENT_ID, "P**1?", Like("P*1?")),
        (Field.PATIENT_NAME, "MÜLLER^J*", Like("muller^j*")),
        (Field.PATIENT_NAME, "Doe^", AnyOf(("doe",))),
        (Field.PATIENT_NAME, "=山田*", Like("山田*")),
        (Field.PATIENT_NAME, "==やまだ", AnyOf(("やまだ",))),
        (Field.STUDY_INSTANCE_UID, "1.2\\1.3", AnyOf(("1.2", "1.3"))),
        (Field.STUDY_INSTANCE_UID, "1.2,1.3", AnyOf(("1.2", "1.3"))),
        (Field.MODALITIES_IN_STUDY, "CT\\MR", AnyOf(("CT", "MR"))),
        (Field.SOP_CLASSES_IN_STUDY, "1.2", AnyOf(("1.2",))),
        (DATE, "20260102", AnyOf(("20260102",))),
        (DATE, "20260102-", Between("20260102", "")),
        (TIME, "10", Between("100000.000000", "105959.999999")),
        (TIME, "-1030", Between("", "103059.999999")),
        (Field.SERIES_NUMBER, "007", AnyOf(("7",))),
    ],
)
def test_values(field: Field, value: str, match: Match | None) -> None:
    assert match_of(field, value) == match


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field.PATIENT_ID, "a" * 2000),
        (DATE, "2026"),
        (DATE, "-"),
        (DATE, "20260102-20260103-20260104"),
        (TIME, "25h"),
        (Field.SERIES_NUMBER, "1*"),
        (Field.MODALITY, "C*\\MR"),
        (Field.STUDY_INSTANCE_UID, "\\"),
        (Field.STUDY_INSTANCE_UID, "\\".join(["1.2"] * 1001)),
    ],
)
def test_values_that_an_attribute_cannot_have(field: Field, value: str) -> None:
    with pytest.raises(InvalidQuery):
        match_of(field, value)


def test_a_uid_has_no_wildcards() -> None:
    with pytest.raises(InvalidUid):
        match_of(Field.STUDY_INSTANCE_UID, "1.2.*")


def test_what_has_to_be_asked_for() -> None:
    assert match_of(Field.PATIENT_ID, '""', empty=True) == Empty()
    assert match_of(Field.PATIENT_ID, '""') == AnyOf(('""',))
    assert match_of(Field.PATIENT_ID, "a\\b", several=True) == AnyOf(("a", "b"))
    assert match_of(Field.PATIENT_ID, "a\\b") == AnyOf(("a\\b",))


def test_what_is_counted_is_not_matched() -> None:
    assert not can_match(Field.NUMBER_OF_STUDY_RELATED_SERIES)
    assert can_match(Field.MODALITIES_IN_STUDY)


def test_ranges_of_a_date_and_its_time_are_one() -> None:
    day, hour = match_of(DATE, "20260102-20260103"), match_of(TIME, "23-01")
    assert day is not None
    assert hour is not None
    assert is_range(day, "20260102-20260103")
    conditions = [Condition(DATE, day), Condition(TIME, hour)]
    both = Between("20260102230000.000000", "20260103015959.999999")
    assert list(joined(conditions, {DATE, TIME})) == [Condition(DATE, both, TIME)]
    assert list(joined(conditions, {DATE})) == conditions
