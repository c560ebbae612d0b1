"""C-FIND as SCP (PS3.4 Section C.4.1): what the catalog holds, streamed page by page."""

from __future__ import annotations

from collections.abc import Sequence

from dicom_node.dimse import operation as of
from dicom_node.dimse.answers import Answers
from dicom_node.dimse.identifier import OF_PATIENTS, Identifier
from dicom_node.dimse.operation import Operation, Refused
from inference.domain.catalog import Condition, Entry, Field, Level, Search
from inference.domain.errors import InvalidQuery
from inference.domain.keys import can_match, is_range, joined, match_of
from inference.domain.matching import AnyOf
from inference.ports import Catalog

UNIQUE_KEYS = {
    Level.STUDY: Field.STUDY_INSTANCE_UID,
    Level.SERIES: Field.SERIES_INSTANCE_UID,
    Level.INSTANCE: Field.SOP_INSTANCE_UID,
}

_PAGE = 100  # answers that are in memory at a time


def above(identifier: Identifier) -> list[Condition]:
    """Return the unique keys of the levels above (PS3.4 Section C.4.1.2.1).

    Raises `InvalidQuery` where one is missing, or is not a single value, and `InvalidUid`.
    """
    fields = [field for level, field in UNIQUE_KEYS.items() if level < identifier.level]
    if identifier.patient_root and not identifier.of_patients:
        fields.insert(0, Field.PATIENT_ID)
    return [Condition(field, single(identifier, field)) for field in fields]


def single(identifier: Identifier, field: Field) -> AnyOf:
    """Return what a unique key has to be. Raises `InvalidQuery` and `InvalidUid`."""
    match = match_of(field, identifier.keys.get(field, ""))
    if not isinstance(match, AnyOf) or len(match.values) != 1:
        raise InvalidQuery(f"{field.keyword} has to be a single value at this level")
    return match


def conditions_of(
    identifier: Identifier, *, relational: bool = False, combined: bool = False
) -> tuple[tuple[Condition, ...], bool]:
    """Return what has to hold, and whether all that was asked for could be understood.

    With `relational`, keys of the levels above may be missing (PS3.4 Section C.4.1.2.2.1);
    with `combined`, ranges of a date and its time are one (C.2.2.2.5.4). Raises
    `InvalidQuery` or `InvalidUid`.
    """
    required = [] if relational else above(identifier)
    known = {each.field for each in required}
    conditions = list(required)
    ranges: set[Field] = set()
    complete = not identifier.unknown
    for field, value in identifier.keys.items():
        if field in known:
            continue
        if field.level > identifier.level or (identifier.of_patients and field not in OF_PATIENTS):
            complete = False
            continue
        if not can_match(field):
            complete = complete and value in ("", "*")
            continue
        match = match_of(field, value)
        if match is not None:
            conditions.append(Condition(field, match))
            if is_range(match, value):
                ranges.add(field)
    return tuple(joined(conditions, ranges) if combined else conditions), complete


def find(
    operation: Operation,
    catalog: Catalog,
    *,
    ae_title: str,
    maximum: int,
    relational: bool = False,
    combined: bool = False,
) -> tuple[int, int]:
    """Answer a C-FIND request; return the number of answers and the last status.

    Who wants more than `maximum` gets a failure after as many. Raises `PeerGone`, and what
    `refusal` knows.
    """
    identifier = operation.identifier()
    conditions, complete = conditions_of(identifier, relational=relational, combined=combined)
    pending = of.PENDING if complete else of.PENDING_UNSUPPORTED
    answers = Answers(identifier, ae_title, implicit=operation.implicit)
    patients: set[str] = set()
    count, after = 0, None
    while True:
        with operation.turns.searching:
            search = Search(identifier.level, conditions, limit=_PAGE, after=after)
            entries = catalog.search(search)
            shown = _new(entries, patients) if identifier.of_patients else entries
            page = [answers.encoded(entry) for entry in shown]
        for answer in page:
            if operation.is_cancelled:
                operation.respond(of.CANCELLED)
                return count, of.CANCELLED
            if count == maximum:
                raise Refused(of.OUT_OF_RESOURCES, f"More than {maximum} matches; ask for less")
            operation.respond(pending, identifier=answer)
            count += 1
        if len(entries) < _PAGE:
            break
        after = entries[-1].number
    operation.respond(of.SUCCESS)
    return count, of.SUCCESS


def _new(studies: Sequence[Entry], patients: set[str]) -> list[Entry]:
    """Return the newest Study of each patient whom `patients` does not have, and add these.

    Who has no Patient ID cannot be told from others, and is found by the Study Root alone.
    """
    shown = []
    for entry in studies:
        patient = entry.text(Field.PATIENT_ID)
        if patient and patient not in patients:
            patients.add(patient)
            shown.append(entry)
    return shown
