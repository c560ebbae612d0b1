"""Who may change a workitem, and to what (PS3.4 Table CC.1.1-2).

Numbers in the comments are the statuses that DIMSE would answer with (PS3.4 Table CC.2.1-2).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from inference.domain import workitem as ups
from inference.domain.code import Code
from inference.domain.errors import InvalidWorkitem, WorkitemConflict, WrongTransaction
from inference.domain.workitem import (
    DataSet,
    StepState,
    Workitem,
    code_item,
    date_time,
    element,
    items,
    text,
)
from inference.domain.workitem_attributes import changed_data, unmet

_MISSING = "The Transaction UID is missing."
_INCORRECT = "The Transaction UID is incorrect."
_OURS = "This node performs the workitem itself."


def changed_state(
    item: Workitem, wanted: str, transaction_uid: str, at: datetime, unspecified: Code
) -> Workitem:
    """Claim or end `item`; where it is in that final state already, return it as it is.

    `unspecified` is the reason of whoever cancels without one. Raises `InvalidWorkitem`,
    `WrongTransaction` or `WorkitemConflict`.
    """
    if wanted not in (StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED):
        raise InvalidWorkitem("a workitem becomes IN PROGRESS, COMPLETED or CANCELED")  # C303
    if not transaction_uid:
        raise WrongTransaction(_MISSING)  # C301
    if item.job_id is not None:
        raise WorkitemConflict(_OURS)
    if wanted == StepState.IN_PROGRESS:
        return _claimed(item, transaction_uid, at)
    if item.state is StepState.SCHEDULED:
        raise WorkitemConflict("The workitem has not been claimed yet.")  # C310
    if transaction_uid != item.transaction_uid:
        raise WrongTransaction(_INCORRECT)  # C301
    if item.state == wanted:
        return item  # B304, B306
    if item.state.is_final:
        raise WorkitemConflict(f"The workitem is {item.state} already.")  # C300
    if wanted == StepState.CANCELED:
        return canceled(item, {}, at, unspecified)
    if missing := unmet(item.data):
        raise WorkitemConflict(  # C304
            f"These are due before a workitem is COMPLETED: {', '.join(missing)}."
        )
    return replace(item, state=StepState.COMPLETED, modified_at=at)


def _claimed(item: Workitem, transaction_uid: str, at: datetime) -> Workitem:
    if item.state is StepState.IN_PROGRESS:
        raise WorkitemConflict("The workitem is IN PROGRESS already.")  # C302
    if item.state.is_final:
        raise WorkitemConflict(f"The workitem is {item.state} already.")  # C300
    return replace(
        item, state=StepState.IN_PROGRESS, transaction_uid=transaction_uid, modified_at=at
    )


def updated(item: Workitem, changes: DataSet, transaction_uid: str, at: datetime) -> Workitem:
    """Return `item` with `changes`.

    Anybody may change what is SCHEDULED, its owner alone what is IN PROGRESS, nobody what has
    ended (PS3.4 Section CC.2.6.3). Raises as `changed_state` does.
    """
    if item.state.is_final:
        raise InvalidWorkitem(f"The workitem is {item.state} already.")  # C300
    if item.job_id is not None:
        raise WorkitemConflict(_OURS)
    if item.state is StepState.SCHEDULED and transaction_uid:
        raise WorkitemConflict("The workitem has not been claimed yet.")  # C310
    if item.state is StepState.IN_PROGRESS and transaction_uid != item.transaction_uid:
        raise WrongTransaction(_INCORRECT if transaction_uid else _MISSING)  # C301
    return replace(item, data=changed_data(item.data, changes, at), modified_at=at)


def cancel_requested(
    item: Workitem, said: DataSet, at: datetime, unspecified: Code
) -> tuple[Workitem, ...]:
    """Return the states through which `item` goes when somebody asks to cancel it.

    None where its owner is to decide, who is told. Raises `WorkitemConflict`.
    """
    if item.state is StepState.COMPLETED:
        raise WorkitemConflict("The workitem is COMPLETED already.")  # C311
    if item.state is StepState.CANCELED:
        return ()  # B304
    if item.job_id is not None:
        raise WorkitemConflict(f"{_OURS} It chooses not to cancel.")  # C312
    if item.state is StepState.IN_PROGRESS:
        return ()
    begun = replace(item, state=StepState.IN_PROGRESS, modified_at=at)
    return begun, canceled(begun, said, at, unspecified)


def canceled(item: Workitem, said: DataSet, at: datetime, unspecified: Code) -> Workitem:
    """Return `item` CANCELED, with the reason that `said` gives, or it has, or `unspecified`."""
    held = items(item.data, ups.PROGRESS_INFORMATION)
    first = dict(held[0]) if held else {}
    if not text(first, ups.CANCELED_AT):
        first[ups.CANCELED_AT] = element("DT", date_time(at))
    for tag in (ups.REASON_FOR_CANCELLATION, ups.DISCONTINUATION_REASON):
        if (said.get(tag) or {}).get("Value"):
            first[tag] = said[tag]
    if not items(first, ups.DISCONTINUATION_REASON):
        first[ups.DISCONTINUATION_REASON] = element("SQ", code_item(unspecified))
    information = element("SQ", dict(sorted(first.items())), *held[1:])
    data = dict(sorted({**item.data, ups.PROGRESS_INFORMATION: information}.items()))
    return replace(item, state=StepState.CANCELED, data=data, modified_at=at)
