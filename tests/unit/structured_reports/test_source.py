"""Headers as they come: what is valid is copied, the rest is not, and nothing raises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from inference.ports import Evidence
from structured_reports.source import Source, apply_identity, read_source
from tests.support.sources import evidence_of, write_raw
from tests.unit.structured_reports.conftest import IDENTITY


def _source(path: Path, elements: dict[int, bytes]) -> Source:
    return read_source(evidence_of(write_raw(path / "odd.dcm", elements)))


def test_a_good_header_is_copied(tmp_path: Path) -> None:
    source = _source(tmp_path, IDENTITY)
    assert source.identity == {
        "PatientName": "Doe^Jane",
        "PatientID": "P-7",
        "PatientBirthDate": "19700102",
        "PatientSex": "F",
        "PatientAge": "056Y",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "AccessionNumber": "ACC 7",
        "ReferringPhysicianName": "Who^Doctor",
        "StudyID": "S-7",
        "StudyDescription": "Chest pa",
    }


def test_what_is_absent_stays_empty_but_there(tmp_path: Path) -> None:
    target = Dataset()
    apply_identity(target, _source(tmp_path, {}))
    for keyword in ("PatientName", "PatientID", "StudyDate", "StudyID", "ReferringPhysicianName"):
        assert keyword in target
        assert not target[keyword].value
    assert "PatientAge" not in target


@pytest.mark.parametrize(
    ("tag", "value", "keyword"),
    [
        (0x00101010, b"81", "PatientAge"),
        (0x00100030, b"1970-01-02", "PatientBirthDate"),
        (0x00100030, b"19701332", "PatientBirthDate"),
        (0x00100040, b"female", "PatientSex"),
        (0x00100040, b"W", "PatientSex"),
        (0x00100020, b"A" * 65, "PatientID"),
        (0x00100020, b"A\\B", "PatientID"),
        (0x00080030, b"10:11", "StudyTime"),
        (0x00080020, b"yesterday", "StudyDate"),
        (0x00080050, b"\x1b[31m\x07", "AccessionNumber"),
        (0x00200010, b"a study id of more than 16", "StudyID"),
    ],
)
def test_what_is_not_valid_is_left_out(
    tmp_path: Path, tag: int, value: bytes, keyword: str
) -> None:
    assert keyword not in _source(tmp_path, {tag: value}).identity


@pytest.mark.parametrize(
    ("charset", "raw", "name"),
    [
        (b"ISO_IR 100", "Müller^Jürgen".encode("latin-1"), "Müller^Jürgen"),
        (b"ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "Wang^XiaoDong=王^小东"),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (None, "Müller^Jürgen".encode("latin-1"), "Müller^Jürgen"),
        (b"NO_SUCH_SET", b"Doe^John", "Doe^John"),
    ],
)
def test_names_in_any_character_set(
    tmp_path: Path, charset: bytes | None, raw: bytes, name: str
) -> None:
    elements = {0x00100010: raw} | ({0x00080005: charset} if charset else {})
    assert _source(tmp_path, elements).identity["PatientName"] == name


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*IDENTITY, 0x00080005, 0x00080201, 0x00081032, 0x00200020, 0x00200060]),
        st.binary(max_size=80),
    )
)
def test_junk_never_raises(tmp_path: Path, elements: dict[int, bytes]) -> None:
    # The index describes a clean file: what pydicom itself raises on junk is not the question.
    clean = evidence_of(write_raw(tmp_path / "clean.dcm", {}))
    source = read_source(replace(clean, part10=write_raw(tmp_path / "odd.dcm", elements)))
    target = Dataset()
    apply_identity(target, source)
    source.local(datetime.now(UTC))


def test_a_file_that_is_gone_leaves_what_the_index_knows(
    evidence: Evidence, tmp_path: Path
) -> None:
    for path in (tmp_path / "gone.dcm", tmp_path):
        source = read_source(replace(evidence, part10=path))
        assert source.identity["PatientID"] == "P-7"
        assert source.sop_instance_uid == evidence.instance.sop_instance_uid


def test_a_file_of_noise(evidence: Evidence, tmp_path: Path) -> None:
    noise = tmp_path / "noise.dcm"
    noise.write_bytes(bytes(range(256)) * 40)
    assert read_source(replace(evidence, part10=noise)).study_instance_uid


def test_times_are_in_the_zone_of_the_source(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    source = _source(tmp_path, {0x00080201: b"-0530"})
    assert source.local(at).strftime("%H%M%z") == "0630-0530"
    assert _source(tmp_path, {0x00080201: b"nowhere"}).utc_offset == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"A\\F", ("A", "F")), (b"L", None), (b"X\\Y", None), (b"", None), (b"L\\P\\F", None)],
)
def test_patient_orientation(
    tmp_path: Path, value: bytes, expected: tuple[str, str] | None
) -> None:
    assert _source(tmp_path, {0x00200020: value}).orientation == expected


@pytest.mark.parametrize(
    ("image", "series", "expected"),
    [(b"L", b"R", "L"), (b"", b"R", "R"), (b"B", b"", ""), (b"?", b"left", "")],
)
def test_laterality(tmp_path: Path, image: bytes, series: bytes, expected: str) -> None:
    source = _source(tmp_path, {0x00200062: image, 0x00200060: series})
    assert source.laterality == expected
