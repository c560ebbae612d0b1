"""What a workitem must say, what it is found by, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.domain import workitem as ups
from inference.domain.code import Code
from inference.domain.errors import InvalidWorkitem
from inference.domain.workitem import StepState, Workitem, code_item, code_of, element, text
from inference.domain.workitem_attributes import new_data
from inference.domain.workitem_event import EventKind, cancel_report, reports
from inference.domain.workitem_search import Key, date_time_key, keys_of, last_date_time_key

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NEW = {
    ups.PRIORITY: element("CS", "HIGH"),
    ups.LABEL: element("LO", "Read"),
    ups.START: element("DT", "20260102"),
    ups.READINESS: element("CS", "READY"),
    ups.STATE: element("CS", "SCHEDULED"),
}


def make(**data: Any) -> Workitem:
    return Workitem("2.25.1", StepState.SCHEDULED, {**NEW, **data}, NOW, NOW)


def test_what_may_be_empty_is_added() -> None:
    data, more = new_data(NEW, "AI", NOW)
    assert more
    assert data[ups.PATIENT_ID] == {"vr": "LO"}
    assert data[ups.INPUTS] == {"vr": "SQ"}
    assert text(data, ups.WORKLIST_LABEL) == "AI"
    assert text(data, ups.MODIFIED).startswith("20260102")
    assert ups.STATE not in data
    again, more = new_data({**data, ups.STATE: NEW[ups.STATE]}, "other", NOW)
    assert (again, more) == (data, False)


@pytest.mark.parametrize("tag", NEW)
def test_what_needs_a_value_has_one(tag: str) -> None:
    for said in ({"vr": "CS"}, None):
        lacking = {each: value for each, value in NEW.items() if each != tag}
        if said is not None:
            lacking[tag] = said
        with pytest.raises(InvalidWorkitem, match=r"Step|Readiness"):
            new_data(lacking, "AI", NOW)


@pytest.mark.parametrize(
    "said",
    [
        {ups.STATE: element("CS", "IN PROGRESS")},
        {ups.TRANSACTION_UID: element("UI", "1.2")},
        {ups.PERFORMED: element("SQ", {})},
        {ups.PROGRESS_INFORMATION: element("SQ", {ups.PROGRESS: element("DS", 1)})},
        {ups.PRIORITY: element("CS", "STAT")},
    ],
)
def test_nothing_has_begun_that_is_new(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkitem):
        new_data({**NEW, **said}, "AI", NOW)


def test_its_transaction_uid_is_never_shown() -> None:
    shown = replace(make(), transaction_uid="1.2.3.4.5.6.7").complete
    assert "1.2.3.4.5.6.7" not in str(shown)
    assert text(shown, ups.SOP_INSTANCE_UID) == "2.25.1"
    assert text(shown, ups.STATE) == "SCHEDULED"


@pytest.mark.parametrize("value", ["short", "a name that is longer than sixteen characters"])
def test_a_code_is_read_as_it_was_written(value: str) -> None:
    code = Code(value, "99TEST", "Something")
    assert code_of(code_item(code)) == code


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2026", "20260101000000.000000", "20261231235959.999999"),
        ("202602", "20260201000000.000000", "20260228235959.999999"),
        ("20260203", "20260203000000.000000", "20260203235959.999999"),
        ("2026020304", "20260203040000.000000", "20260203045959.999999"),
        ("202602030405", "20260203040500.000000", "20260203040559.999999"),
        ("20260203040506", "20260203040506.000000", "20260203040506.999999"),
        ("20260203040506.5", "20260203040506.500000", "20260203040506.500000"),
        ("20260203000000+0100", "20260202230000.000000", "20260202230000.999999"),
        ("20260203230000-0130", "20260204003000.000000", "20260204003000.999999"),
    ],
)
def test_a_time_names_a_moment_or_a_stretch(value: str, first: str, last: str) -> None:
    assert (date_time_key(value), last_date_time_key(value)) == (first, last)


@pytest.mark.parametrize(
    "value", ["", "x", "20261301", "20260230", "00000101", "00010101000000+0100", "２０２６", "1-2"]
)
def test_what_is_no_time_is_no_key(value: str) -> None:
    assert date_time_key(value) is None


@given(st.text(alphabet="0123456789+-. ", max_size=30))
def test_no_text_breaks_a_key(value: str) -> None:
    first, last = date_time_key(value), last_date_time_key(value)
    if first is not None and last is not None:
        assert first <= last


def test_a_name_is_found_by_each_of_its_groups() -> None:
    name = {"Alphabetic": "Yamada^Taró", "Ideographic": "山田^太郎"}
    found = [
        each.value
        for each in keys_of(make(**{ups.PATIENT_NAME: element("PN", name)}))
        if each.key is Key.PATIENT_NAME
    ]
    assert found == ["yamada^taro", "山田^太郎"]


def test_odd_values_are_no_keys() -> None:
    odd = {
        ups.PATIENT_ID: element("LO", None),
        ups.START: element("DT", "soon"),
        ups.WORKITEM_CODE: element("SQ", None, {}),
        ups.REQUESTS: {"vr": "SQ"},
    }
    names = {each.key for each in keys_of(make(**odd))}
    assert names.isdisjoint({Key.PATIENT_ID, Key.START, Key.WORKITEM_CODE, Key.ACCESSION})


def kinds(before: Workitem | None, after: Workitem) -> list[EventKind]:
    return [each.kind for each in reports(before, after)]


def test_a_new_workitem_is_reported_and_whom_it_is_assigned_to() -> None:
    assert kinds(None, make()) == [EventKind.STATE_REPORT]
    station = element("SQ", code_item(Code("AE", "99TEST", "AE")))
    assigned = make(**{ups.STATIONS: station})
    assert kinds(None, assigned) == [EventKind.STATE_REPORT, EventKind.ASSIGNED]
    assert kinds(make(), assigned) == [EventKind.ASSIGNED]


def test_a_state_and_the_readiness_of_input_are_reported() -> None:
    claimed = replace(make(), state=StepState.IN_PROGRESS)
    (report,) = reports(make(), claimed)
    assert text(report.data, ups.STATE) == "IN PROGRESS"
    assert text(report.data, ups.READINESS) == "READY"
    later = make(**{ups.READINESS: element("CS", "INCOMPLETE")})
    assert kinds(make(), later) == [EventKind.STATE_REPORT]
    assert kinds(make(), make()) == []


def test_progress_is_reported() -> None:
    claimed = replace(make(), state=StepState.IN_PROGRESS)
    progress = {ups.PROGRESS_INFORMATION: element("SQ", {ups.PROGRESS: element("DS", 10)})}
    further = replace(claimed, data={**claimed.data, **progress})
    (report,) = reports(claimed, further)
    assert report.kind is EventKind.PROGRESS_REPORT
    assert report.data == progress


def test_its_owner_is_told_who_wants_it_canceled_and_why() -> None:
    said = {
        ups.REASON_FOR_CANCELLATION: element("LT", "wrong patient"),
        ups.CONTACT_URI: element("UR", "tel:1"),
        ups.PATIENT_ID: element("LO", "P1"),
    }
    report = cancel_report(make(), said, "RIS")
    assert report.kind is EventKind.CANCEL_REQUESTED
    assert text(report.data, "00741236") == "RIS"
    assert text(report.data, ups.REASON_FOR_CANCELLATION) == "wrong patient"
    assert ups.PATIENT_ID not in report.data
