"""What a workitem must say when it is made, changed and ended (PS3.4 Table CC.2.5-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from inference.domain import workitem as ups
from inference.domain.errors import InvalidWorkitem
from inference.domain.workitem import DataSet, StepState, date_time, element, items, text


class Required(NamedTuple):
    tag: str
    vr: str
    keyword: str


PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")  # PS3.3 Table C.30.2-1
READINESSES: Final = ("INCOMPLETE", "UNAVAILABLE", "READY")

# Type 1 in N-CREATE: there, and with a value
_WITH_VALUE: Final = (
    Required(ups.PRIORITY, "CS", "ScheduledProcedureStepPriority"),
    Required(ups.LABEL, "LO", "ProcedureStepLabel"),
    Required(ups.START, "DT", "ScheduledProcedureStepStartDateTime"),
    Required(ups.READINESS, "CS", "InputReadinessState"),
    Required(ups.STATE, "CS", "ProcedureStepState"),
)
# Type 2: there, and maybe empty
_THERE: Final = (
    Required(ups.PATIENT_NAME, "PN", "PatientName"),
    Required(ups.PATIENT_ID, "LO", "PatientID"),
    Required(ups.PATIENT_BIRTH_DATE, "DA", "PatientBirthDate"),
    Required(ups.PATIENT_SEX, "CS", "PatientSex"),
    Required("00101002", "SQ", "OtherPatientIDsSequence"),
    Required("00081080", "LO", "AdmittingDiagnosesDescription"),
    Required("00081084", "SQ", "AdmittingDiagnosesCodeSequence"),
    Required("00380010", "LO", "AdmissionID"),
    Required("00380014", "SQ", "IssuerOfAdmissionIDSequence"),
    Required(ups.WORKITEM_CODE, "SQ", "ScheduledWorkitemCodeSequence"),
    Required(ups.INPUTS, "SQ", "InputInformationSequence"),
    Required(ups.STATIONS, "SQ", "ScheduledStationNameCodeSequence"),
    Required("00404026", "SQ", "ScheduledStationClassCodeSequence"),
    Required("00404027", "SQ", "ScheduledStationGeographicLocationCodeSequence"),
    Required(ups.REQUESTS, "SQ", "ReferencedRequestSequence"),
    Required(ups.PROGRESS_INFORMATION, "SQ", "ProcedureStepProgressInformationSequence"),
    Required("00741210", "SQ", "ScheduledProcessingParametersSequence"),
    Required(ups.PERFORMED, "SQ", "UnifiedProcedureStepPerformedProcedureSequence"),
)
# Empty in N-CREATE
_EMPTY_AT_FIRST: Final = (
    Required(ups.TRANSACTION_UID, "UI", "TransactionUID"),
    Required(ups.PROGRESS_INFORMATION, "SQ", "ProcedureStepProgressInformationSequence"),
    Required(ups.PERFORMED, "SQ", "UnifiedProcedureStepPerformedProcedureSequence"),
)
# Not allowed in N-SET: who the patient is, and what the workitem is
_NOT_CHANGED: Final = (
    Required(ups.SOP_CLASS_UID, "UI", "SOPClassUID"),
    Required(ups.SOP_INSTANCE_UID, "UI", "SOPInstanceUID"),
    Required(ups.STATE, "CS", "ProcedureStepState"),
    Required(ups.PATIENT_NAME, "PN", "PatientName"),
    Required(ups.PATIENT_ID, "LO", "PatientID"),
    Required("00100021", "LO", "IssuerOfPatientID"),
    Required(ups.PATIENT_BIRTH_DATE, "DA", "PatientBirthDate"),
    Required(ups.PATIENT_SEX, "CS", "PatientSex"),
    Required("00081080", "LO", "AdmittingDiagnosesDescription"),
    Required("00081084", "SQ", "AdmittingDiagnosesCodeSequence"),
    Required("00380010", "LO", "AdmissionID"),
    Required("00380014", "SQ", "IssuerOfAdmissionIDSequence"),
    Required(ups.REQUESTS, "SQ", "ReferencedRequestSequence"),
    Required("00741224", "SQ", "ReplacedProcedureStepSequence"),
)
# Of the item of the Performed Procedure Sequence, with a value before COMPLETED (code P)
_PERFORMED: Final = (
    Required(ups.PERFORMED_STATIONS, "SQ", "PerformedStationNameCodeSequence"),
    Required(ups.PERFORMED_START, "DT", "PerformedProcedureStepStartDateTime"),
    Required(ups.PERFORMED_END, "DT", "PerformedProcedureStepEndDateTime"),
    Required(ups.PERFORMED_WORKITEM_CODE, "SQ", "PerformedWorkitemCodeSequence"),
)
_NOT_KEPT: Final = (
    ups.SPECIFIC_CHARACTER_SET,
    ups.SOP_CLASS_UID,
    ups.SOP_INSTANCE_UID,
    ups.TRANSACTION_UID,
    ups.STATE,
)
_PERFORMERS_OWN: Final = (ups.PROGRESS_INFORMATION, ups.PERFORMED)


def new_data(said: DataSet, worklist_label: str, at: datetime) -> tuple[DataSet, bool]:
    """Return what to keep of a new workitem, and whether more was added than is due.

    What may be empty and is missing is added empty. Raises `InvalidWorkitem` where a value is
    missing, or where it says of itself that it has begun.
    """
    missing = [each.keyword for each in _WITH_VALUE if not text(said, each.tag)]
    if missing:
        raise InvalidWorkitem(f"these need a value (PS3.4 Table CC.2.5-3): {', '.join(missing)}")
    if text(said, ups.STATE) != StepState.SCHEDULED:
        raise InvalidWorkitem("a new workitem is SCHEDULED")  # C309
    begun = [each.keyword for each in _EMPTY_AT_FIRST if (said.get(each.tag) or {}).get("Value")]
    if begun:
        raise InvalidWorkitem(f"these are empty in a new workitem: {', '.join(begun)}")
    _check_words(said)
    added = {each.tag: element(each.vr) for each in _THERE if each.tag not in said}
    data = {tag: each for tag, each in said.items() if tag not in _NOT_KEPT} | added
    if not text(said, ups.WORKLIST_LABEL):
        data[ups.WORKLIST_LABEL] = element("LO", worklist_label)
        added[ups.WORKLIST_LABEL] = data[ups.WORKLIST_LABEL]
    data[ups.MODIFIED] = element("DT", date_time(at))
    return dict(sorted(data.items())), bool(added)


def changed_data(data: DataSet, changes: DataSet, at: datetime) -> DataSet:
    """Return `data` with `changes`, attribute by attribute. Raises `InvalidWorkitem`."""
    forbidden = [each.keyword for each in _NOT_CHANGED if each.tag in changes]
    if forbidden:
        raise InvalidWorkitem(f"these cannot be changed: {', '.join(forbidden)}")
    emptied = [
        each.keyword
        for each in (*_WITH_VALUE, Required(ups.WORKLIST_LABEL, "LO", "WorklistLabel"))
        if each.tag in changes and not text(changes, each.tag)
    ]
    if emptied:
        raise InvalidWorkitem(f"these need a value: {', '.join(emptied)}")
    _check_words(changes)
    kept = {tag: each for tag, each in changes.items() if tag not in _NOT_KEPT}
    if any(tag not in _PERFORMERS_OWN for tag in kept):
        kept[ups.MODIFIED] = element("DT", date_time(at))
    return dict(sorted({**data, **kept}.items()))


def unmet(data: DataSet) -> tuple[str, ...]:
    """Return what is missing before a workitem may be COMPLETED (PS3.4 Section CC.2.5.1.1)."""
    return tuple(_unmet(data))


def _unmet(data: DataSet) -> Iterator[str]:
    performed = items(data, ups.PERFORMED)
    if not performed:
        yield "UnifiedProcedureStepPerformedProcedureSequence"
        return
    first = performed[0]
    for each in _PERFORMED:
        if not (items(first, each.tag) if each.vr == "SQ" else text(first, each.tag)):
            yield each.keyword
    if ups.OUTPUTS not in first:
        yield "OutputInformationSequence"  # empty where nothing was made


def _check_words(said: DataSet) -> None:
    for tag, allowed, keyword in (
        (ups.PRIORITY, PRIORITIES, "ScheduledProcedureStepPriority"),
        (ups.READINESS, READINESSES, "InputReadinessState"),
    ):
        if tag in said and text(said, tag) not in allowed:
            raise InvalidWorkitem(f"{keyword} is {', '.join(allowed[:-1])} or {allowed[-1]}")
