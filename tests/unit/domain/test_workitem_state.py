"""PS3.4 Table CC.1.1-2, row by row: what happens to a workitem in each state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from inference.domain import workitem as ups
from inference.domain.code import Code
from inference.domain.errors import InvalidWorkitem, WorkitemConflict, WrongTransaction
from inference.domain.workitem import StepState, Workitem, code_item, element, items, text
from inference.domain.workitem_state import cancel_requested, changed_state, updated

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHY = Code("0", "99TEST", "No reason")
OWNER, OTHER = "1.2.3", "1.2.4"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = StepState
CODED = element("SQ", code_item(WHY))
PERFORMED = {
    ups.PERFORMED_STATIONS: CODED,
    ups.PERFORMED_WORKITEM_CODE: CODED,
    ups.PERFORMED_START: element("DT", "20260101"),
    ups.PERFORMED_END: element("DT", "20260102"),
    ups.OUTPUTS: element("SQ"),
}


def make(state: StepState = SCHEDULED, **changes: Any) -> Workitem:
    owner = "" if state is SCHEDULED else OWNER
    data = {
        ups.LABEL: element("LO", "Read"),
        ups.PATIENT_ID: element("LO", "P1"),
        ups.PERFORMED: element("SQ", PERFORMED),
    }
    return replace(Workitem("2.25.1", state, data, NOW, NOW, transaction_uid=owner), **changes)


def change(item: Workitem, wanted: str, transaction_uid: str = OWNER) -> Workitem:
    return changed_state(item, wanted, transaction_uid, NOW, WHY)


def test_a_claim_takes_what_is_scheduled() -> None:
    claimed = change(make(), IN_PROGRESS)
    assert (claimed.state, claimed.transaction_uid) == (IN_PROGRESS, OWNER)


@pytest.mark.parametrize("state", [IN_PROGRESS, COMPLETED, CANCELED])
@pytest.mark.parametrize("transaction_uid", [OWNER, OTHER])
def test_nothing_is_claimed_twice(state: StepState, transaction_uid: str) -> None:
    with pytest.raises(WorkitemConflict):
        change(make(state), IN_PROGRESS, transaction_uid)


@pytest.mark.parametrize("state", StepState)
@pytest.mark.parametrize("wanted", [IN_PROGRESS, COMPLETED, CANCELED])
def test_nothing_changes_without_a_transaction_uid(state: StepState, wanted: StepState) -> None:
    with pytest.raises(WrongTransaction, match="missing"):
        change(make(state), wanted, "")


@pytest.mark.parametrize("state", StepState)
@pytest.mark.parametrize("wanted", [SCHEDULED, "DONE", ""])
def test_nothing_becomes_scheduled_again(state: StepState, wanted: str) -> None:
    with pytest.raises(InvalidWorkitem):
        change(make(state), wanted)


@pytest.mark.parametrize("wanted", [COMPLETED, CANCELED])
def test_what_is_scheduled_is_claimed_before_it_ends(wanted: StepState) -> None:
    with pytest.raises(WorkitemConflict, match="claimed"):
        change(make(), wanted)


@pytest.mark.parametrize("state", [IN_PROGRESS, COMPLETED, CANCELED])
@pytest.mark.parametrize("wanted", [COMPLETED, CANCELED])
def test_only_its_owner_ends_it(state: StepState, wanted: StepState) -> None:
    with pytest.raises(WrongTransaction, match="incorrect"):
        change(make(state), wanted, OTHER)


@pytest.mark.parametrize("wanted", [COMPLETED, CANCELED])
def test_its_owner_ends_it(wanted: StepState) -> None:
    assert change(make(IN_PROGRESS), wanted).state is wanted


@pytest.mark.parametrize("state", [COMPLETED, CANCELED])
def test_what_has_ended_so_stays_as_it_is(state: StepState) -> None:
    item = make(state)
    assert change(item, state) is item


@pytest.mark.parametrize(("state", "wanted"), [(COMPLETED, CANCELED), (CANCELED, COMPLETED)])
def test_what_has_ended_ends_in_no_other_way(state: StepState, wanted: StepState) -> None:
    with pytest.raises(WorkitemConflict, match=state.value):
        change(make(state), wanted)


@pytest.mark.parametrize("tag", PERFORMED)
def test_nothing_is_completed_before_it_says_what_was_done(tag: str) -> None:
    performed = {each: value for each, value in PERFORMED.items() if each != tag}
    item = make(IN_PROGRESS)
    lacking = replace(item, data={**item.data, ups.PERFORMED: element("SQ", performed)})
    with pytest.raises(WorkitemConflict, match=r"Sequence|DateTime"):
        change(lacking, COMPLETED)
    assert change(lacking, CANCELED).state is CANCELED


def test_nothing_is_completed_with_nothing_done() -> None:
    item = make(IN_PROGRESS)
    nothing = replace(item, data={**item.data, ups.PERFORMED: element("SQ")})
    with pytest.raises(WorkitemConflict, match="PerformedProcedureSequence"):
        change(nothing, COMPLETED)


def test_what_is_canceled_says_when_and_why() -> None:
    (progress,) = items(change(make(IN_PROGRESS), CANCELED).data, ups.PROGRESS_INFORMATION)
    assert text(progress, ups.CANCELED_AT) == "20260102000000.000000+0000"
    assert items(progress, ups.DISCONTINUATION_REASON) == (code_item(WHY),)


def test_the_owner_s_reason_stays() -> None:
    said = {
        ups.CANCELED_AT: element("DT", "20250101"),
        ups.DISCONTINUATION_REASON: element("SQ", code_item(Code("1", "99TEST", "Tired"))),
        ups.PROGRESS: element("DS", 50),
    }
    item = make(IN_PROGRESS)
    item = replace(item, data={**item.data, ups.PROGRESS_INFORMATION: element("SQ", said)})
    assert items(change(item, CANCELED).data, ups.PROGRESS_INFORMATION) == (said,)


@pytest.mark.parametrize("wanted", [IN_PROGRESS, COMPLETED, CANCELED])
@pytest.mark.parametrize("state", StepState)
def test_nobody_takes_what_the_node_performs(state: StepState, wanted: StepState) -> None:
    with pytest.raises(WorkitemConflict, match="itself"):
        change(make(state, job_id=1), wanted)


def test_a_request_to_cancel_ends_what_nobody_has_claimed() -> None:
    said = {ups.REASON_FOR_CANCELLATION: element("LT", "wrong patient")}
    begun, ended = cancel_requested(make(), said, NOW, WHY)
    assert (begun.state, ended.state) == (IN_PROGRESS, CANCELED)
    (progress,) = items(ended.data, ups.PROGRESS_INFORMATION)
    assert text(progress, ups.REASON_FOR_CANCELLATION) == "wrong patient"


@pytest.mark.parametrize("state", [IN_PROGRESS, CANCELED])
def test_a_request_to_cancel_changes_nothing_of_what_has_an_owner(state: StepState) -> None:
    assert cancel_requested(make(state), {}, NOW, WHY) == ()


def test_what_is_completed_is_not_canceled() -> None:
    with pytest.raises(WorkitemConflict, match="COMPLETED"):
        cancel_requested(make(COMPLETED), {}, NOW, WHY)


@pytest.mark.parametrize("state", [SCHEDULED, IN_PROGRESS])
def test_the_node_does_not_cancel_what_it_performs(state: StepState) -> None:
    with pytest.raises(WorkitemConflict, match="chooses not to cancel"):
        cancel_requested(make(state, job_id=1), {}, NOW, WHY)


CHANGES = {ups.LABEL: element("LO", "Read again"), "00741006": element("ST", "new")}


@pytest.mark.parametrize(("state", "by"), [(SCHEDULED, ""), (IN_PROGRESS, OWNER)])
def test_what_is_open_is_updated(state: StepState, by: str) -> None:
    changed = updated(make(state), CHANGES, by, NOW)
    assert text(changed.data, ups.LABEL) == "Read again"
    assert text(changed.data, ups.PATIENT_ID) == "P1"
    assert text(changed.data, ups.MODIFIED).startswith("20260102")


@pytest.mark.parametrize(
    ("state", "by", "error"),
    [
        (SCHEDULED, OWNER, WorkitemConflict),
        (IN_PROGRESS, "", WrongTransaction),
        (IN_PROGRESS, OTHER, WrongTransaction),
        (COMPLETED, OWNER, InvalidWorkitem),
        (CANCELED, "", InvalidWorkitem),
    ],
)
def test_only_its_owner_updates_what_is_in_progress(
    state: StepState, by: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        updated(make(state), CHANGES, by, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {ups.STATE: element("CS", "COMPLETED")},
        {ups.SOP_INSTANCE_UID: element("UI", "1.2")},
        {ups.PATIENT_ID: element("LO", "P2")},
        {ups.LABEL: element("LO")},
        {ups.PRIORITY: element("CS", "STAT")},
        {ups.READINESS: element("CS", "ready")},
    ],
)
def test_what_it_is_and_of_whom_is_not_changed(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkitem):
        updated(make(), changes, "", NOW)


def test_nobody_updates_what_the_node_performs() -> None:
    with pytest.raises(WorkitemConflict):
        updated(make(job_id=1), CHANGES, "", NOW)


def test_progress_is_no_change_of_what_was_scheduled() -> None:
    progress = {ups.PROGRESS_INFORMATION: element("SQ", {ups.PROGRESS: element("DS", 10)})}
    assert ups.MODIFIED not in updated(make(IN_PROGRESS), progress, OWNER, NOW).data
