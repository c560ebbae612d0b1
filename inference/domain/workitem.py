"""A workitem: one Unified Procedure Step of the worklist (PS3.3 Annex B.26, PS3.4 Annex CC).

Its attributes are kept in the DICOM JSON Model (PS3.18 Annex F), as they came: whoever makes
a workitem may say more in it than this node understands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from inference.domain.code import Code

DataSet = Mapping[str, Any]

PUSH_SOP_CLASS: Final = "1.2.840.10008.5.1.4.34.6.1"  # the SOP Class of every workitem
EVENT_SOP_CLASS: Final = "1.2.840.10008.5.1.4.34.6.4"

# Tags (PS3.6) that the node itself reads or writes
SPECIFIC_CHARACTER_SET: Final = "00080005"
SOP_CLASS_UID: Final = "00080016"
SOP_INSTANCE_UID: Final = "00080018"
ACCESSION_NUMBER: Final = "00080050"
RETRIEVE_AE_TITLE: Final = "00080054"
CODE_VALUE: Final = "00080100"
CODING_SCHEME: Final = "00080102"
CODE_MEANING: Final = "00080104"
LONG_CODE_VALUE: Final = "00080119"
REFERENCED_SOP_CLASS: Final = "00081150"
REFERENCED_SOP_INSTANCE: Final = "00081155"
RETRIEVE_URL: Final = "00081190"
TRANSACTION_UID: Final = "00081195"
REFERENCED_SOPS: Final = "00081199"
PATIENT_NAME: Final = "00100010"
PATIENT_ID: Final = "00100020"
PATIENT_BIRTH_DATE: Final = "00100030"
PATIENT_SEX: Final = "00100040"
STUDY_UID: Final = "0020000D"
SERIES_UID: Final = "0020000E"
REQUESTED_PROCEDURE_ID: Final = "00401001"
START: Final = "00404005"  # Scheduled Procedure Step Start DateTime
MODIFIED: Final = "00404010"  # Scheduled Procedure Step Modification DateTime
WORKITEM_CODE: Final = "00404018"  # Scheduled Workitem Code Sequence
PERFORMED_WORKITEM_CODE: Final = "00404019"
INPUTS: Final = "00404021"  # Input Information Sequence
STATIONS: Final = "00404025"  # Scheduled Station Name Code Sequence
PERFORMED_STATIONS: Final = "00404028"
OUTPUTS: Final = "00404033"  # Output Information Sequence
HUMANS: Final = "00404034"  # Scheduled Human Performers Sequence
READINESS: Final = "00404041"  # Input Readiness State
PERFORMED_START: Final = "00404050"
PERFORMED_END: Final = "00404051"
CANCELED_AT: Final = "00404052"  # Procedure Step Cancellation DateTime
REQUESTS: Final = "0040A370"  # Referenced Request Sequence
TYPE_OF_INSTANCES: Final = "0040E020"
DICOM_RETRIEVAL: Final = "0040E021"
WADO_RETRIEVAL: Final = "0040E025"
STATE: Final = "00741000"  # Procedure Step State
PROGRESS_INFORMATION: Final = "00741002"
PROGRESS: Final = "00741004"  # percent
PROGRESS_DESCRIPTION: Final = "00741006"
CONTACT_URI: Final = "0074100A"
CONTACT_NAME: Final = "0074100C"
DISCONTINUATION_REASON: Final = "0074100E"
PRIORITY: Final = "00741200"  # Scheduled Procedure Step Priority
WORKLIST_LABEL: Final = "00741202"
LABEL: Final = "00741204"  # Procedure Step Label
PERFORMED: Final = "00741216"  # Unified Procedure Step Performed Procedure Sequence
REASON_FOR_CANCELLATION: Final = "00741238"

_SHORT = 16  # characters of a Code Value (SH); a longer one is a Long Code Value


class StepState(StrEnum):
    """Procedure Step State (PS3.4 Table CC.1.1-1)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        return self in (StepState.COMPLETED, StepState.CANCELED)


@dataclass(frozen=True, slots=True)
class Workitem:
    """`data` has neither the UID nor the state nor the Transaction UID; `complete` adds them.

    `job_id` is the Job by which this node performs it, None where somebody else does or will.
    `own`: nobody asked, the node made it for a Job of its own. `version` counts its changes.
    """

    workitem_uid: str
    state: StepState
    data: DataSet
    created_at: datetime
    modified_at: datetime
    transaction_uid: str = ""
    job_id: int | None = None
    own: bool = False
    version: int = 0

    @property
    def complete(self) -> dict[str, Any]:
        """All attributes but the Transaction UID, which is its owner's alone (CC.2.7.3)."""
        return {
            **self.data,
            SPECIFIC_CHARACTER_SET: element("CS", "ISO_IR 192"),
            SOP_CLASS_UID: element("UI", PUSH_SOP_CLASS),
            SOP_INSTANCE_UID: element("UI", self.workitem_uid),
            STATE: element("CS", self.state.value),
        }


def element(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def values(data: DataSet, *path: str) -> Iterator[Any]:
    """Yield the values of an attribute; of all items, where the path leads through sequences."""
    tag, *further = path
    for value in (data.get(tag) or {}).get("Value") or ():
        if not further:
            yield value
        elif value:
            yield from values(value, *further)


def text(data: DataSet, *path: str) -> str:
    """Return the first value as text, "" where there is none."""
    for value in values(data, *path):
        if isinstance(value, Mapping):
            return "=".join(
                str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")
            ).rstrip("=")
        return "" if value is None else str(value)
    return ""


def items(data: DataSet, tag: str) -> tuple[DataSet, ...]:
    """Return the items of a sequence that are not empty."""
    return tuple(each for each in values(data, tag) if each)


def code_item(code: Code) -> dict[str, Any]:
    """Return a code as the item of a sequence (PS3.3 Table 8.8-1)."""
    name = CODE_VALUE if len(code.value) <= _SHORT else LONG_CODE_VALUE
    return {
        name: element("SH" if name == CODE_VALUE else "UC", code.value),
        CODING_SCHEME: element("SH", code.scheme),
        CODE_MEANING: element("LO", code.meaning),
    }


def code_of(item: DataSet) -> Code:
    value = text(item, CODE_VALUE) or text(item, LONG_CODE_VALUE)
    return Code(value, text(item, CODING_SCHEME), text(item, CODE_MEANING))


def date_time(at: datetime) -> str:
    """Return a DT in UTC."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
