"""Headers, hostile ones first."""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_node.archive import describe
from inference.domain.errors import InvalidUid, UnreadableInstance
from tests.contracts.archive import DESCRIPTION
from tests.unit.dicom_node.part10 import data_set, element, from_description, implicit, part10

_DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT = "1.2.840.10008.1.2"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


def _write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "instance.dcm"
    path.write_bytes(content)
    return path


def _pixels(value: bytes, length: int | None = None) -> bytes:
    return element(0x7FE00010, "OW", value, length)


def _deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


def _big_endian() -> bytes:
    def short(tag: int, vr: bytes, value: bytes) -> bytes:
        return struct.pack(">HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    return b"".join(
        (
            short(0x00080016, b"UI", b"1.2\0"),
            short(0x00080018, b"UI", b"1.2.3\0"),
            short(0x0020000D, b"UI", b"1.4\0"),
            short(0x0020000E, b"UI", b"1.5\0"),
            short(0x00280010, b"US", struct.pack(">H", 300)),
        )
    )


class TestTruncation:
    def test_pixel_data_shorter_than_its_length(self, tmp_path: Path) -> None:
        path = _write(tmp_path, part10(data_set(_pixels(b"\0" * 100, length=200))))
        with pytest.raises(UnreadableInstance, match="truncated"):
            describe(path)

    def test_every_prefix_is_refused_or_lacks_a_uid(self, tmp_path: Path) -> None:
        whole = part10(data_set(_pixels(b"\0" * 16)))
        end_of_uids = len(whole) - 16 - 12
        for length in range(len(whole)):
            if length == end_of_uids:  # cut between two elements, all UIDs there: no way to tell
                continue
            with pytest.raises(UnreadableInstance):
                describe(_write(tmp_path, whole[:length]))
        assert describe(_write(tmp_path, whole)).attributes.has_pixels

    def test_encapsulated_pixel_data_without_its_end(self, tmp_path: Path) -> None:
        item = struct.pack("<HHL", 0xFFFE, 0xE000, 4) + b"\xff\xd8\xff\xd9"
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        open_end = data_set(element(0x7FE00010, "OB", item, length=0xFFFFFFFF))
        assert describe(_write(tmp_path, part10(open_end + end))).attributes.has_pixels
        with pytest.raises(UnreadableInstance):
            describe(_write(tmp_path, part10(open_end)))
        with pytest.raises(UnreadableInstance):
            describe(_write(tmp_path, part10(open_end[:-2])))

    def test_a_gap_of_500_mb_is_not_read(self, tmp_path: Path) -> None:
        path = _write(tmp_path, part10(data_set(_pixels(b"", length=500 << 20))))
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size + (500 << 20))
        assert describe(path).attributes.has_pixels


class TestTransferSyntaxes:
    def test_deflated(self, tmp_path: Path) -> None:
        whole = data_set(_pixels(b"\0" * 5000))
        path = _write(tmp_path, part10(_deflate(whole), _DEFLATED))
        assert describe(path).transfer_syntax_uid == _DEFLATED
        assert describe(path).attributes.has_pixels

    @pytest.mark.parametrize("cut", [1, 10, 100])
    def test_deflated_and_truncated(self, tmp_path: Path, cut: int) -> None:
        deflated = _deflate(data_set(_pixels(bytes(range(256)) * 20)))
        with pytest.raises(UnreadableInstance):
            describe(_write(tmp_path, part10(deflated[:-cut], _DEFLATED)))

    def test_deflated_garbage(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableInstance):
            describe(_write(tmp_path, part10(b"\xff" * 100, _DEFLATED)))

    def test_big_endian(self, tmp_path: Path) -> None:
        description = describe(_write(tmp_path, part10(_big_endian(), _BIG_ENDIAN)))
        assert description.attributes.rows == 300
        assert description.study_instance_uid == "1.4"

    def test_implicit(self, tmp_path: Path) -> None:
        content = b"".join(
            (
                implicit(0x00080016, b"1.2\0"),
                implicit(0x00080018, b"1.2.3\0"),
                implicit(0x0020000D, b"1.4\0"),
                implicit(0x0020000E, b"1.5\0"),
            )
        )
        assert describe(_write(tmp_path, part10(content, _IMPLICIT))).sop_instance_uid == "1.2.3"
        # The same bytes, said to be explicit, are read as what they are.
        assert describe(_write(tmp_path, part10(content))).sop_instance_uid == "1.2.3"

    def test_without_file_meta_information(self, tmp_path: Path) -> None:
        path = _write(tmp_path, b"\0" * 128 + b"DICM" + data_set())
        assert describe(path).transfer_syntax_uid == _IMPLICIT


class TestUids:
    @pytest.mark.parametrize("uid", ["../../x", "1.2.3 4", "1..3", "1.2/3", "１.2"])
    @pytest.mark.parametrize("key", ["sop", "study"])
    def test_unsafe(self, tmp_path: Path, key: str, uid: str) -> None:
        with pytest.raises(InvalidUid):
            describe(_write(tmp_path, part10(data_set(**{key: uid}))))

    def test_transfer_syntax_that_is_no_uid(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidUid):
            describe(_write(tmp_path, part10(data_set(), "../etc")))


class TestAttributes:
    @pytest.mark.parametrize(
        ("age", "years"),
        [
            ("045Y", 45.0),
            ("81", 81.0),
            ("006M", 0.5),
            ("052W", 364 / 365.25),
            ("010D", 10 / 365.25),
            ("", None),
            ("999Y", None),
            ("old", None),
            ("-5Y", None),
        ],
    )
    def test_age(self, tmp_path: Path, age: str, years: float | None) -> None:
        content = data_set(element(0x00101010, "AS", age.encode()))
        got = describe(_write(tmp_path, part10(content))).attributes.patient_age_years
        assert got == (None if years is None else pytest.approx(years))

    @pytest.mark.parametrize(
        ("birth", "study", "years"),
        [
            ("19700301", "20200301", 50.0),
            ("19700301", "19690101", None),
            ("19701301", "20200101", None),
            ("", "20200101", None),
            ("00010101", "20200101", None),
        ],
    )
    def test_age_from_dates(
        self, tmp_path: Path, birth: str, study: str, years: float | None
    ) -> None:
        content = data_set(
            element(0x00080020, "DA", study.encode()), element(0x00100030, "DA", birth.encode())
        )
        got = describe(_write(tmp_path, part10(content))).attributes.patient_age_years
        assert got == (None if years is None else pytest.approx(years, abs=0.01))

    @pytest.mark.parametrize("undefined", [False, True])
    def test_body_part_from_anatomic_region(self, tmp_path: Path, undefined: bool) -> None:
        meaning = element(0x00080104, "LO", b"Chest")
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(meaning)) + meaning
        sequence = element(0x00082218, "SQ", item)
        if undefined:
            item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + meaning
            item += struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
            end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
            sequence = element(0x00082218, "SQ", item, length=0xFFFFFFFF) + end
        path = _write(tmp_path, part10(data_set(sequence)))
        assert describe(path).attributes.body_part == "CHEST"

    def test_body_part_examined_goes_first_and_is_upper_case(self, tmp_path: Path) -> None:
        path = _write(tmp_path, part10(data_set(element(0x00180015, "CS", b"chest"))))
        assert describe(path).attributes.body_part == "CHEST"

    @pytest.mark.parametrize(
        ("value", "told"),
        [(b"YES", True), (b"NO", False), (b"yes ", True), (b"", None), (b"PERHAPS", None)],
    )
    def test_burned_in_annotation(self, tmp_path: Path, value: bytes, told: bool | None) -> None:
        path = _write(tmp_path, part10(data_set(element(0x00280301, "CS", value))))
        assert describe(path).attributes.burned_in_annotation is told

    def test_burned_in_annotation_absent(self, tmp_path: Path) -> None:
        path = _write(tmp_path, part10(data_set()))
        assert describe(path).attributes.burned_in_annotation is None

    @pytest.mark.parametrize(
        ("character_set", "name", "expected"),
        [
            (b"ISO_IR 192", "Grünwald^Jörg".encode(), "Grünwald^Jörg"),
            (b"ISO_IR 100", "Grünwald^Jörg".encode("latin-1"), "Grünwald^Jörg"),
            (
                b"\\ISO 2022 IR 87",
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
                "Yamada^Tarou=山田^太郎",
            ),
            (b"NONSENSE", b"Doe^Jane", "Doe^Jane"),
            (b"ISO_IR 192", b"\xff\xfe", "\ufffd\ufffd"),
        ],
    )
    def test_names(self, tmp_path: Path, character_set: bytes, name: bytes, expected: str) -> None:
        content = data_set(
            element(0x00080005, "CS", character_set), element(0x00100010, "PN", name)
        )
        assert describe(_write(tmp_path, part10(content))).attributes.patient_name == expected

    def test_own_results(self, tmp_path: Path) -> None:
        ours = part10(data_set(element(0x00080070, "LO", b"Wetread")))
        others = part10(data_set(element(0x00080070, "LO", b"Wetread Imaging Inc")))
        assert describe(_write(tmp_path, ours)).attributes.made_by_wetread
        assert not describe(_write(tmp_path, others)).attributes.made_by_wetread

    def test_numbers_that_are_none(self, tmp_path: Path) -> None:
        content = data_set(
            element(0x00200011, "IS", b"nan"),
            element(0x00200013, "IS", b"9" * 40),
            element(0x00280008, "IS", b"-3"),
            element(0x00280010, "US", b""),
        )
        attributes = describe(_write(tmp_path, part10(content))).attributes
        assert attributes.series_number is None
        assert attributes.instance_number is None
        assert attributes.frames == 1
        assert attributes.rows == 0

    def test_a_value_as_long_as_a_book_is_not_kept(self, tmp_path: Path) -> None:
        content = data_set(element(0x00100010, "UT", b"x" * 200_000))
        assert describe(_write(tmp_path, part10(content))).attributes.patient_name == ""


class TestHostile:
    def test_deep_nesting(self, tmp_path: Path) -> None:
        open_item = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        open_item += struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        with pytest.raises(UnreadableInstance, match="deep"):
            describe(_write(tmp_path, part10(data_set(open_item * 10_000))))

    def test_an_unknown_vr(self, tmp_path: Path) -> None:
        content = data_set(element(0x00091001, "??", b"ab"), element(0x00100010, "PN", b"X"))
        assert describe(_write(tmp_path, part10(content))).attributes.patient_name == "X"

    @settings(
        max_examples=300,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_any_change_of_bytes_is_read_or_refused(
        self, tmp_path: Path, data: st.DataObject
    ) -> None:
        content = bytearray(from_description(DESCRIPTION, b"\0" * 20))
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with contextlib.suppress(UnreadableInstance, InvalidUid):
                describe(_write(tmp_path, bytes(content)))

    @settings(
        max_examples=200,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        content=st.binary(max_size=400), syntax=st.sampled_from([_IMPLICIT, _BIG_ENDIAN, _DEFLATED])
    )
    def test_any_bytes_are_refused(self, tmp_path: Path, content: bytes, syntax: str) -> None:
        with contextlib.suppress(UnreadableInstance, InvalidUid):
            describe(_write(tmp_path, part10(content, syntax)))
