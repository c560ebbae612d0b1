"""The Identifier of a query: bytes of a peer as keys (PS3.4 Section C.2.2)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

from dicom_node.archive.encoding import FileStream, Syntax, walk
from dicom_node.archive.values import decoder_for
from inference.domain.catalog import Field, Kind, Level
from inference.domain.errors import InvalidQuery

SPECIFIC_CHARACTER_SET = 0x00080005
QUERY_RETRIEVE_LEVEL = 0x00080052
RETRIEVE_AE_TITLE = 0x00080054
INSTANCE_AVAILABILITY = 0x00080056
REQUEST_ATTRIBUTES_SEQUENCE = 0x00400275
IN_REQUEST = (Field.SCHEDULED_PROCEDURE_STEP_ID, Field.REQUESTED_PROCEDURE_ID)

# The keys of the level of patients (PS3.4 Table C.6-1), as far as the catalog has them.
OF_PATIENTS = (
    Field.PATIENT_ID,
    Field.PATIENT_NAME,
    Field.PATIENT_BIRTH_DATE,
    Field.PATIENT_SEX,
)

_MAX_IDENTIFIER = 1 << 18  # bytes
_MAX_ELEMENTS = 4096
_MAX_TEXT = 1024  # bytes of a value that is no list of UIDs
_PATIENT = "PATIENT"
_LEVELS = {"STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_OURS = (SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL, RETRIEVE_AE_TITLE, INSTANCE_AVAILABILITY)


def tag_of(field: Field) -> int:
    tag = tag_for_keyword(field.keyword)
    assert tag is not None
    return tag


_FIELDS = {
    (*((REQUEST_ATTRIBUTES_SEQUENCE,) if field in IN_REQUEST else ()), tag_of(field)): field
    for field in Field
}
_WANTED = frozenset((*_OURS, *(path[-1] for path in _FIELDS)))


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a peer asks for. `keys` have "" where any value matches.

    `unknown` are the tags of keys that the catalog does not have. `character_set` is as the
    peer said it, None where it did not ask for one. On the level of patients, `of_patients`,
    `level` is that of their Studies.
    """

    level: Level
    keys: Mapping[Field, str]
    patient_root: bool = False
    of_patients: bool = False
    unknown: tuple[int, ...] = ()
    character_set: str | None = None
    asks_for_request: bool = False  # for Request Attributes Sequence


def read_identifier(data: bytes, *, implicit: bool, patient_root: bool = False) -> Identifier:
    """Raises `InvalidQuery`, or `UnreadableInstance` where this is no data set."""
    if len(data) > _MAX_IDENTIFIER:
        raise InvalidQuery("the Identifier is too long")
    values: dict[tuple[int, ...], bytes] = {}
    unknown: list[int] = []
    elements = walk(
        FileStream(io.BytesIO(data)), Syntax(implicit), _WANTED, (REQUEST_ATTRIBUTES_SEQUENCE,)
    )
    for number, element in enumerate(elements):
        if number >= _MAX_ELEMENTS:
            raise InvalidQuery("the Identifier has too many keys")
        path = (*element.path, element.tag)
        if path in _FIELDS or (not element.path and element.tag in _OURS):
            if element.value is None:
                raise InvalidQuery(f"the value of {_name(element.tag)} is too long")
            values[path] = element.value
        elif path == (REQUEST_ATTRIBUTES_SEQUENCE,):
            values[path] = b""
        elif element.tag & 0xFFFF and element.path in ((), (REQUEST_ATTRIBUTES_SEQUENCE,)):
            unknown.append(element.tag)  # group lengths are no keys
    character_set = values.get((SPECIFIC_CHARACTER_SET,))
    decode = decoder_for(character_set or b"")
    keys = {}
    for path, field in _FIELDS.items():
        if path in values:
            listed = field.kind is Kind.UID or field is Field.SOP_CLASSES_IN_STUDY
            value = values[path]
            if not listed and len(value) > _MAX_TEXT:
                raise InvalidQuery(f"the value of {field.keyword} is too long")
            keys[field] = _plain(value) if listed else decode(value)
    name = _level_name(values.get((QUERY_RETRIEVE_LEVEL,)), patient_root)
    return Identifier(
        level=_LEVELS.get(name, Level.STUDY),
        keys=keys,
        patient_root=patient_root,
        of_patients=name == _PATIENT,
        unknown=tuple(unknown),
        character_set=None if character_set is None else _plain(character_set),
        asks_for_request=(REQUEST_ATTRIBUTES_SEQUENCE,) in values,
    )


def _level_name(value: bytes | None, patient_root: bool) -> str:
    if value is None:
        raise InvalidQuery("Query/Retrieve Level (0008,0052) is missing")
    allowed = (*((_PATIENT,) if patient_root else ()), *_LEVELS)
    name = _plain(value)
    if name not in allowed:
        raise InvalidQuery(f"Query/Retrieve Level is none of {', '.join(allowed)}")
    return name


def _plain(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
