"""One look at a Part 10 file: who it is, and what rules and gates need of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dicom_node.archive.encoding import (
    FileStream,
    InflatingStream,
    RawElement,
    Stream,
    Syntax,
    guess_syntax,
    walk,
)
from dicom_node.archive.values import (
    age_in_years,
    body_part_in,
    decoder_for,
    integer,
    plain,
    years_between,
)
from inference.domain.errors import UnreadableInstance
from inference.domain.instance import Attributes, Description
from inference.domain.uid import check_uid

MANUFACTURER = "Wetread"  # what our own results carry in Manufacturer (0008,0070)

# Transfer syntaxes of PS3.5 Annex A. pydicom has them too, but takes longer to import than most
# commands take, and these open an archive.
_IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
_DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
_EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_PREFIX = b"DICM"
_PREAMBLE = 128  # bytes, PS3.10 Section 7.1
_MAX_META = 1 << 20  # bytes

_TRANSFER_SYNTAX_UID = 0x00020010
_CHARACTER_SET = 0x00080005
_SOP_CLASS_UID = 0x00080016
_SOP_INSTANCE_UID = 0x00080018
_STUDY_INSTANCE_UID = 0x0020000D
_SERIES_INSTANCE_UID = 0x0020000E
_MANUFACTURER = 0x00080070
_CODE_MEANING = 0x00080104
_ANATOMIC_REGION_SEQUENCE = 0x00082218
_PATIENT_BIRTH_DATE = 0x00100030
_PATIENT_AGE = 0x00101010
_BODY_PART_EXAMINED = 0x00180015
_STUDY_DATE = 0x00080020
PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))  # PS3.3 C.7.6.24, .25, C.7.6.3

_TEXT = {  # attribute of `Attributes` -> tag; decoded with the Specific Character Set
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "accession_number": 0x00080050,
    "study_id": 0x00200010,
    "study_description": 0x00081030,
    "referring_physician_name": 0x00080090,
    "series_description": 0x0008103E,
    "manufacturer": _MANUFACTURER,
}
_PLAIN = {  # the same, in the default repertoire whatever the Specific Character Set
    "patient_birth_date": _PATIENT_BIRTH_DATE,
    "patient_sex": 0x00100040,
    "study_date": _STUDY_DATE,
    "study_time": 0x00080030,
    "modality": 0x00080060,
    "timezone_offset": 0x00080201,
    "performed_date": 0x00400244,
    "performed_time": 0x00400245,
}
_NUMBERS = {"series_number": 0x00200011, "instance_number": 0x00200013}  # IS
_SIZES = {"rows": 0x00280010, "columns": 0x00280011, "bits_allocated": 0x00280100}  # US
_REQUEST_ATTRIBUTES_SEQUENCE = 0x00400275
_REQUESTED = {  # the same, in the first item of Request Attributes Sequence
    "scheduled_step_id": 0x00400009,
    "requested_procedure_id": 0x00401001,
}
_FRAMES = 0x00280008  # IS
_BURNED_IN_ANNOTATION = 0x00280301  # PS3.3 C.7.6.1
_BURNED_IN = {"YES": True, "NO": False}
_VIEW_POSITION = 0x00185101

_WANTED = frozenset(
    (
        *_TEXT.values(),
        *_PLAIN.values(),
        *_NUMBERS.values(),
        *_SIZES.values(),
        *_REQUESTED.values(),
        _CHARACTER_SET,
        _SOP_CLASS_UID,
        _SOP_INSTANCE_UID,
        _STUDY_INSTANCE_UID,
        _SERIES_INSTANCE_UID,
        _CODE_MEANING,
        _PATIENT_AGE,
        _BODY_PART_EXAMINED,
        _FRAMES,
        _BURNED_IN_ANNOTATION,
        _VIEW_POSITION,
    )
)
_ENTERED = frozenset((_ANATOMIC_REGION_SEQUENCE, _REQUEST_ATTRIBUTES_SEQUENCE))


@dataclass(frozen=True, slots=True)
class FileMeta:
    """`data_set_offset` is in bytes from the start of the file."""

    transfer_syntax_uid: str
    data_set_offset: int


def read_file_meta(file: BinaryIO) -> FileMeta:
    """Read the File Meta Information (PS3.10 Section 7.1), always Explicit VR Little Endian.

    Without a Transfer Syntax UID the data set is taken as Implicit VR Little Endian, the
    default of PS3.5 Section 10.1. Raises `UnreadableInstance` if this is no Part 10 file.
    """
    file.seek(0)
    if file.read(_PREAMBLE + len(_PREFIX))[_PREAMBLE:] != _PREFIX:
        raise UnreadableInstance("not a DICOM file: the prefix DICM is missing")
    transfer_syntax = _IMPLICIT_VR_LITTLE_ENDIAN
    while True:
        start = file.tell()
        head = file.read(8)
        if head[:2] != b"\x02\x00" or len(head) < 8:
            return FileMeta(transfer_syntax, start)
        tag = 0x00020000 | struct.unpack("<H", head[2:4])[0]
        if head[4:6] in (b"OB", b"UN", b"OW", b"UT"):
            length = int.from_bytes(file.read(4), "little")
        else:
            length = int.from_bytes(head[6:8], "little")
        if start + length > _MAX_META:
            raise UnreadableInstance("the File Meta Information is longer than 1 MiB")
        value = file.read(length)
        if len(value) < length:
            raise UnreadableInstance("the file ends within the File Meta Information")
        if tag == _TRANSFER_SYNTAX_UID and (uid := plain(value)):
            transfer_syntax = check_uid(uid)


def describe(part10: Path) -> Description:
    """Read identity and header; skip all else, but see that nothing is missing.

    Raises `UnreadableInstance` (no Part 10 file, truncated, or one of the four UIDs is
    missing) or `InvalidUid`.
    """
    with data_set(part10) as (stream, syntax, meta):
        return _description(stream, syntax, meta)


@contextmanager
def data_set(part10: Path) -> Iterator[tuple[Stream, Syntax, FileMeta]]:
    """Open a Part 10 file at its first data element. Raises as `read_file_meta` does."""
    with part10.open("rb") as file:
        meta = read_file_meta(file)
        file.seek(meta.data_set_offset)
        stream: Stream = FileStream(file)
        syntax = Syntax(meta.transfer_syntax_uid == _IMPLICIT_VR_LITTLE_ENDIAN)
        if meta.transfer_syntax_uid == _DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            stream = InflatingStream(file)
        elif meta.transfer_syntax_uid == _EXPLICIT_VR_BIG_ENDIAN:
            syntax = Syntax(implicit=False, big_endian=True)
        else:
            syntax = guess_syntax(file.read(8), syntax)
            file.seek(meta.data_set_offset)
        yield stream, syntax, meta


def _description(stream: Stream, syntax: Syntax, meta: FileMeta) -> Description:
    values: dict[int, bytes] = {}
    region = b""
    requested: dict[int, bytes] = {}
    has_pixels = False
    for element in walk(stream, syntax, _WANTED, _ENTERED):
        if not element.path:
            has_pixels = has_pixels or (element.tag in PIXEL_DATA and element.length != 0)
            if element.value is not None:
                values[element.tag] = element.value
        elif _is_region_meaning(element) and not region:
            region = element.value or b""
        elif element.path == (_REQUEST_ATTRIBUTES_SEQUENCE,) and element.value is not None:
            requested.setdefault(element.tag, element.value)

    return Description(
        study_instance_uid=_uid(values, _STUDY_INSTANCE_UID, "Study Instance UID"),
        series_instance_uid=_uid(values, _SERIES_INSTANCE_UID, "Series Instance UID"),
        sop_instance_uid=_uid(values, _SOP_INSTANCE_UID, "SOP Instance UID"),
        sop_class_uid=_uid(values, _SOP_CLASS_UID, "SOP Class UID"),
        transfer_syntax_uid=meta.transfer_syntax_uid,
        attributes=_attributes(values, region, requested, has_pixels, syntax.big_endian),
    )


def _is_region_meaning(element: RawElement) -> bool:
    return element.tag == _CODE_MEANING and element.path == (_ANATOMIC_REGION_SEQUENCE,)


def _uid(values: dict[int, bytes], tag: int, name: str) -> str:
    value = plain(values.get(tag, b""))
    if not value:
        raise UnreadableInstance(f"the data set has no {name}")
    return check_uid(value)


def _attributes(
    values: dict[int, bytes],
    region: bytes,
    requested: dict[int, bytes],
    has_pixels: bool,
    big_endian: bool,
) -> Attributes:
    text = decoder_for(values.get(_CHARACTER_SET, b""))
    texts = {name: text(values.get(tag, b"")) for name, tag in _TEXT.items()}
    plains = {name: plain(values.get(tag, b"")) for name, tag in _PLAIN.items()}
    age = age_in_years(plain(values.get(_PATIENT_AGE, b"")))
    if age is None:
        age = years_between(plains["patient_birth_date"], plains["study_date"])
    body_part = (
        plain(values.get(_BODY_PART_EXAMINED, b""))
        or text(region)
        or body_part_in(texts["series_description"])
        or body_part_in(texts["study_description"])
    )
    order = ">" if big_endian else "<"
    sizes = {
        name: struct.unpack(order + "H", value[:2])[0]
        for name, tag in _SIZES.items()
        if len(value := values.get(tag, b"")) >= 2
    }
    return Attributes(
        patient_id=texts["patient_id"],
        patient_name=texts["patient_name"].rstrip("^="),
        patient_birth_date=plains["patient_birth_date"],
        patient_sex=plains["patient_sex"],
        patient_age_years=age,
        accession_number=texts["accession_number"],
        study_id=texts["study_id"],
        study_date=plains["study_date"],
        study_time=plains["study_time"],
        study_description=texts["study_description"],
        referring_physician_name=texts["referring_physician_name"].rstrip("^="),
        timezone_offset=plains["timezone_offset"],
        performed_date=plains["performed_date"],
        performed_time=plains["performed_time"],
        scheduled_step_id=text(requested.get(_REQUESTED["scheduled_step_id"], b"")),
        requested_procedure_id=text(requested.get(_REQUESTED["requested_procedure_id"], b"")),
        series_description=texts["series_description"],
        series_number=integer(plain(values.get(_NUMBERS["series_number"], b""))),
        modality=plains["modality"].upper(),
        body_part=body_part.upper(),
        view=plain(values.get(_VIEW_POSITION, b"")).upper(),
        manufacturer=texts["manufacturer"],
        instance_number=integer(plain(values.get(_NUMBERS["instance_number"], b""))),
        rows=sizes.get("rows", 0),
        columns=sizes.get("columns", 0),
        bits_allocated=sizes.get("bits_allocated", 0),
        frames=max(1, integer(plain(values.get(_FRAMES, b""))) or 1),
        has_pixels=has_pixels,
        burned_in_annotation=_BURNED_IN.get(plain(values.get(_BURNED_IN_ANNOTATION, b"")).upper()),
        made_by_wetread=texts["manufacturer"] == MANUFACTURER,
    )
