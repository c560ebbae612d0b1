"""Identifiers of queries: what is read of them, and what is answered."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicom_node.dimse.answers import Answers, chosen
from dicom_node.dimse.find import conditions_of
from dicom_node.dimse.identifier import Identifier, read_identifier
from inference.domain.catalog import Condition, Entry, Field, Level, Value
from inference.domain.errors import InvalidQuery, UnreadableInstance
from inference.domain.matching import AnyOf, Between, Like
from tests.unit.dicom_node.images import item

JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def encoded(made: Dataset, *, implicit: bool) -> bytes:
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, implicit
    write_dataset(written, made)
    return bytes(written.getvalue())


def read(*, implicit: bool = False, **keys: Any) -> Identifier:
    keys.setdefault("QueryRetrieveLevel", "STUDY")
    return read_identifier(encoded(item(**keys), implicit=implicit), implicit=implicit)


@pytest.mark.parametrize("implicit", [True, False])
def test_keys_with_and_without_values(implicit: bool) -> None:
    identifier = read(
        implicit=implicit,
        QueryRetrieveLevel="SERIES",
        StudyInstanceUID="1.2.3",
        SeriesInstanceUID="",
        Modality="CT",
        SeriesNumber=None,
        RequestAttributesSequence=[item(RequestedProcedureID="RP*", AccessionNumber="")],
        InstitutionName="",
        ReferencedStudySequence=[item(ReferencedSOPInstanceUID="1.2")],
    )
    assert identifier.level is Level.SERIES
    assert identifier.keys == {
        Field.STUDY_INSTANCE_UID: "1.2.3",
        Field.SERIES_INSTANCE_UID: "",
        Field.MODALITY: "CT",
        Field.SERIES_NUMBER: "",
        Field.REQUESTED_PROCEDURE_ID: "RP*",
    }
    assert set(identifier.unknown) == {0x00080050, 0x00080080, 0x00081110}
    assert identifier.asks_for_request
    assert identifier.character_set is None


@pytest.mark.parametrize(
    ("character_set", "name"), [("ISO_IR 100", "Müller^Jörg"), ("\\ISO 2022 IR 87", JAPANESE)]
)
def test_names_in_the_character_set_that_is_said(character_set: str, name: str) -> None:
    identifier = read(SpecificCharacterSet=character_set.split("\\"), PatientName=name)
    assert identifier.keys[Field.PATIENT_NAME] == name
    assert identifier.character_set == character_set


@pytest.mark.parametrize(
    "data",
    [b"abc", b"\x08\x00\x52\x00CS\xff\x00STUDY", struct.pack("<HHL", 0xFFFE, 0xE000, 0)],
)
def test_what_is_no_data_set(data: bytes) -> None:
    with pytest.raises(UnreadableInstance):
        read_identifier(data, implicit=False)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"QueryRetrieveLevel": "PATIENT"}, "none of STUDY, SERIES, IMAGE"),
        ({"QueryRetrieveLevel": ""}, "none of STUDY, SERIES, IMAGE"),
    ],
)
def test_what_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        read(**keys)


def test_bounds() -> None:
    with pytest.raises(InvalidQuery, match="missing"):
        read_identifier(b"", implicit=True)
    with pytest.raises(InvalidQuery, match="too many"):
        read_identifier(struct.pack("<HHL", 0x0011, 0x0010, 0) * 5000, implicit=True)
    with pytest.raises(InvalidQuery, match="too long"):
        read_identifier(bytes(1 << 19), implicit=True)
    with pytest.raises(InvalidQuery, match="PatientID is too long"):
        read_identifier(struct.pack("<HHL", 0x0010, 0x0020, 2000) + b"a" * 2000, implicit=True)


def test_conditions_and_whether_all_was_understood() -> None:
    conditions, complete = conditions_of(read(PatientName="DOE*", StudyInstanceUID=""))
    assert conditions == (Condition(Field.PATIENT_NAME, Like("doe*")),)
    assert complete
    for asked in (read(InstitutionName="X"), read(Modality="X")):
        conditions, complete = conditions_of(asked)
        assert conditions == ()
        assert not complete
    _, complete = conditions_of(read(NumberOfStudyRelatedSeries="3"))
    assert not complete
    _, complete = conditions_of(read(NumberOfStudyRelatedSeries=None))
    assert complete


def test_unique_keys_of_the_levels_above() -> None:
    asked = read(QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    conditions, _ = conditions_of(asked)
    assert conditions == (
        Condition(Field.STUDY_INSTANCE_UID, AnyOf(("1.2",))),
        Condition(Field.SERIES_INSTANCE_UID, AnyOf(("1.3",))),
    )
    with pytest.raises(InvalidQuery, match="SeriesInstanceUID"):
        conditions_of(read(QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.2"))
    relational, _ = conditions_of(read(QueryRetrieveLevel="IMAGE"), relational=True)
    assert relational == ()


def test_ranges_are_joined_where_that_was_agreed() -> None:
    asked = read(StudyDate="20260101-20260102", StudyTime="10-11")
    assert len(conditions_of(asked)[0]) == 2
    ((both,), _) = conditions_of(asked, combined=True)
    assert both.time is Field.STUDY_TIME
    assert isinstance(both.match, Between)


def answer(identifier: Identifier, values: Mapping[Field, Value], *, implicit: bool) -> Dataset:
    entry = Entry(identifier.level, 1, MappingProxyType(dict(values)))
    data = Answers(identifier, "WETREAD", implicit=implicit).encoded(entry)
    syntax = b"1.2.840.10008.1.2\0" if implicit else b"1.2.840.10008.1.2.1\0"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    return dcmread(io.BytesIO(bytes(128) + b"DICM" + meta + data))


@pytest.mark.parametrize("implicit", [True, False])
def test_answers_hold_what_was_asked_for(implicit: bool) -> None:
    identifier = read(
        QueryRetrieveLevel="IMAGE",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.3",
        SOPInstanceUID="",
        PatientName="",
        Rows=None,
        InstanceNumber=None,
        NumberOfFrames=None,
        RequestAttributesSequence=[],
    )
    made = answer(
        identifier,
        {
            Field.STUDY_INSTANCE_UID: "1.2",
            Field.SERIES_INSTANCE_UID: "1.3",
            Field.SOP_INSTANCE_UID: "1.4",
            Field.PATIENT_NAME: "Doe^Jane",
            Field.PATIENT_ID: "not asked for",
            Field.ROWS: 512,
            Field.INSTANCE_NUMBER: -3,
            Field.SCHEDULED_PROCEDURE_STEP_ID: "S1",
        },
        implicit=implicit,
    )
    assert made.QueryRetrieveLevel == "IMAGE"
    assert made.RetrieveAETitle == "WETREAD"
    assert made.InstanceAvailability == "ONLINE"
    assert (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID) == (
        *("1.2", "1.3", "1.4"),
    )
    assert (made.Rows, made.InstanceNumber, made.NumberOfFrames) == (512, -3, None)
    assert made.PatientName == "Doe^Jane"
    assert made.RequestAttributesSequence[0].ScheduledProcedureStepID == "S1"
    assert "PatientID" not in made
    assert "SpecificCharacterSet" not in made


def test_a_value_that_fits_no_element_is_left_empty() -> None:
    identifier = read(PatientID="", StudyDescription="")
    made = answer(
        identifier,
        {Field.PATIENT_ID: "x" * 70_000, Field.STUDY_DESCRIPTION: "fits"},
        implicit=False,
    )
    assert made.PatientID == ""
    assert made.StudyDescription == "fits"


@pytest.mark.parametrize(
    ("text", "asked", "named"),
    [
        ("Doe", None, ""),
        ("Doe", "ISO_IR 100", "ISO_IR 100"),
        ("Doe", "", "ISO_IR 192"),
        ("Doe", "nonsense", "ISO_IR 192"),
        ("Müller", None, "ISO_IR 192"),
        ("Müller", "ISO_IR 100", "ISO_IR 100"),
        ("Müller", "nonsense", "ISO_IR 192"),
        ("Łódź", "ISO_IR 100", "ISO_IR 192"),
        ("Łódź", "ISO_IR 101", "ISO_IR 101"),
        ("山田", "GB18030", "GB18030"),
        ("山田", "\\ISO 2022 IR 87", "\\ISO 2022 IR 87"),
        ("김희중", "\\ISO 2022 IR 149", "\\ISO 2022 IR 149"),
        ("김희중", "\\ISO 2022 IR 87", "ISO_IR 192"),
    ],
)
def test_character_sets(text: str, asked: str | None, named: str) -> None:
    name, encode = chosen([text], asked)
    assert name == named
    made = Dataset()
    made.SpecificCharacterSet = (name or "ISO_IR 6").split("\\")
    made.add_new(0x00100020, "LO", "")
    data = encode("LO", text)
    raw = encoded(made, implicit=True) + (struct.pack("<HHL", 0x0010, 0x4000, len(data)) + data)
    again = dcmread(io.BytesIO(raw), force=True)
    assert again.PatientComments.rstrip() == text
