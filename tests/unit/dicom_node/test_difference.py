"""How two files differ is told by attributes, without their values unless asked."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from dicom_node.archive.difference import Change, compare
from inference.domain.errors import UnreadableInstance
from tests.unit.dicom_node.images import image
from tests.unit.dicom_node.part10 import data_set, element, part10

NAME, MODALITY, PRIVATE, ROWS = 0x00100010, 0x00080060, 0x00091001, 0x00280010


def write(path: Path, *elements: bytes) -> Path:
    path.write_bytes(part10(data_set(*elements)))
    return path


def test_attributes_are_changed_added_and_missing(tmp_path: Path) -> None:
    one = write(tmp_path / "1", element(NAME, "PN", b"Doe^Jane"), element(MODALITY, "CS", b"CR"))
    two = write(tmp_path / "2", element(NAME, "PN", b"Doe^John"), element(PRIVATE, "LO", b"x"))
    found = compare(one, two)
    assert [(each.tag, each.keyword, each.change) for each in found.attributes] == [
        ("(0008,0060)", "Modality", Change.MISSING),
        ("(0009,1001)", "", Change.ADDED),
        ("(0010,0010)", "PatientName", Change.CHANGED),
    ]
    assert not found.pixels
    assert "Doe" not in repr(found)


def test_values_are_told_to_those_who_ask(tmp_path: Path) -> None:
    charset = element(0x00080005, "CS", b"ISO_IR 192")
    name = element(NAME, "PN", "Doe^Jané".encode())
    long = element(0x00081030, "LO", b"y" * 500)
    one = write(tmp_path / "1", charset, name, element(ROWS, "US", struct.pack("<H", 512)))
    two = write(tmp_path / "2", charset, long, element(ROWS, "US", struct.pack("<H", 513)))
    found = {
        each.tag: (each.first, each.other) for each in compare(one, two, values=True).attributes
    }
    assert found["(0010,0010)"] == ("Doe^Jané", None)
    assert found["(0028,0010)"] == ("512", "513")
    assert found["(0008,1030)"] == (None, "y" * 200 + "…")


def test_pixels_are_looked_at(tmp_path: Path) -> None:
    one, two = (tmp_path / each for each in "12")
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    image(pixels).save_as(one, enforce_file_format=True)
    image(pixels + 1).save_as(two, enforce_file_format=True)
    found = compare(one, two, values=True)
    assert found.pixels
    (pixel_data,) = found.attributes
    assert (pixel_data.keyword, pixel_data.first, pixel_data.other) == (
        "PixelData",
        "128 bytes",
        "128 bytes",
    )


def test_the_same_in_another_encoding_differs_in_pixels_alone(tmp_path: Path) -> None:
    one, two, three = (tmp_path / each for each in "123")
    pixels = np.zeros((64, 64), np.uint16)
    made = image(pixels)
    item = Dataset()
    item.CodeMeaning = "Chest"
    made.AnatomicRegionSequence = [item]
    made.save_as(one, enforce_file_format=True)
    made.compress(RLELossless, encoding_plugin="pydicom")
    with warnings.catch_warnings():
        made.save_as(two, enforce_file_format=True)
    found = compare(one, two)
    assert found.pixels
    assert {each.keyword for each in found.attributes} <= {"PixelData", "SOPInstanceUID"}
    assert found.transfer_syntaxes[1] == RLELossless
    implicit = dcmread(one)
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    implicit.save_as(three, implicit_vr=True, little_endian=True, enforce_file_format=True)
    assert compare(one, three).attributes == ()


@pytest.mark.parametrize(
    ("syntax", "are_to_be_compared"), [(ImplicitVRLittleEndian, False), (ExplicitVRBigEndian, True)]
)
def test_the_same_bytes_in_another_order_have_to_be_looked_at(
    tmp_path: Path, syntax: str, are_to_be_compared: bool
) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    made = image(np.arange(64, dtype=np.uint16).reshape(8, 8))
    made.save_as(one, enforce_file_format=True)
    other = image(np.arange(64, dtype=np.uint16).reshape(8, 8), transfer_syntax=syntax)
    if syntax == ImplicitVRLittleEndian:
        other.set_original_encoding(True, True)
    other.save_as(two, enforce_file_format=True)
    found = compare(one, two)
    assert "PixelData" not in [each.keyword for each in found.attributes]
    assert found.pixels is are_to_be_compared


def test_an_icon_and_a_report_are_no_pixels_to_compare(tmp_path: Path) -> None:
    files = []
    for number in (0, 1):
        made = image(np.zeros((2, 2), np.uint16))
        icon = Dataset()
        icon.add_new(0x7FE00010, "OW", bytes((number, 0)))
        made.IconImageSequence = [icon]
        files.append(tmp_path / str(number))
        made.save_as(files[-1], enforce_file_format=True)
    found = compare(*files)
    assert (found.has_pixels, found.pixels) == (True, False)
    assert not any(each.is_pixel_data for each in found.attributes)
    report = write(tmp_path / "3", element(MODALITY, "CS", b"SR"))
    other = write(tmp_path / "4", element(MODALITY, "CS", b"KO"))
    assert not compare(report, other).has_pixels


def test_how_pixels_are_read_counts_as_pixels(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    image(np.zeros((2, 8), np.uint16)).save_as(one, enforce_file_format=True)
    image(np.zeros((8, 2), np.uint16)).save_as(two, enforce_file_format=True)
    found = compare(one, two)
    assert [each.keyword for each in found.attributes] == ["Rows", "Columns"]
    assert found.pixels


def test_what_lies_in_a_sequence_is_named_with_it(tmp_path: Path) -> None:
    files = []
    for number, meaning in enumerate(("Chest", "Head")):
        made = image(np.zeros((2, 2), np.uint16))
        item = Dataset()
        item.CodeMeaning = meaning
        made.AnatomicRegionSequence = [item]
        files.append(tmp_path / str(number))
        made.save_as(files[-1], enforce_file_format=True)
    found = compare(*files, values=True)
    (meaning_of,) = found.attributes
    assert (meaning_of.path, meaning_of.keyword) == (("(0008,2218)",), "CodeMeaning")
    assert (meaning_of.first, meaning_of.other) == ("Chest", "Head")


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    files = []
    for rows in (2, 4):
        made = image(np.zeros((rows, 2), np.uint16), transfer_syntax=ExplicitVRBigEndian)
        files.append(tmp_path / str(rows))
        made.save_as(files[-1], enforce_file_format=True)
    found = {each.keyword: each for each in compare(*files, values=True).attributes}
    assert (found["Rows"].first, found["Rows"].other) == ("2", "4")


def regions(*items: dict[str, str]) -> list[Dataset]:
    made = []
    for each in items:
        made.append(Dataset())
        for keyword, value in each.items():
            setattr(made[-1], keyword, value)
    return made


MEANING, VALUE = {"CodeMeaning": "Chest"}, {"CodeValue": "1"}


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (regions(MEANING | VALUE), regions(MEANING, VALUE), ["1 item", "2 items"]),
        (regions(MEANING, {}), regions(MEANING), ["2 items", "1 item"]),
        (regions({}), regions(), ["1 item", ""]),
        (regions(MEANING | VALUE, MEANING), regions(MEANING, MEANING | VALUE), None),
    ],
)
def test_values_belong_to_their_item(
    tmp_path: Path, one: list[Dataset], other: list[Dataset], told: list[str] | None
) -> None:
    files = []
    for number, items in enumerate((one, other)):
        made = image(np.zeros((2, 2), np.uint16))
        made.AnatomicRegionSequence = items
        # Of undefined length on one side: that is how it is written, and no more.
        made["AnatomicRegionSequence"].is_undefined_length = bool(number)
        files.append(tmp_path / str(number))
        made.save_as(files[-1], enforce_file_format=True)
    found = {each.keyword: each for each in compare(*files, values=True).attributes}
    assert found
    if told is not None:
        sequence = found["AnatomicRegionSequence"]
        assert [sequence.first, sequence.other] == told
    made.AnatomicRegionSequence = one
    made["AnatomicRegionSequence"].is_undefined_length = True
    made.save_as(files[1], enforce_file_format=True)
    assert compare(*files).attributes == ()


def test_items_of_items_belong_to_theirs(tmp_path: Path) -> None:
    files = []
    for number, counts in enumerate(((2, 0), (1, 1))):
        made = image(np.zeros((2, 2), np.uint16))
        made.AnatomicRegionSequence = regions({}, {})
        for each, count in zip(made.AnatomicRegionSequence, counts, strict=True):
            each.AnatomicRegionModifierSequence = regions(*[MEANING] * count)
        files.append(tmp_path / str(number))
        made.save_as(files[-1], enforce_file_format=True)
    assert compare(*files).attributes
    assert not compare(files[0], files[0]).attributes


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_what_is_cut_off_cannot_be_compared(tmp_path: Path, cut: int) -> None:
    whole = write(tmp_path / "1", element(NAME, "PN", b"x" * 500))
    broken = tmp_path / "2"
    broken.write_bytes(whole.read_bytes()[:-cut])
    with pytest.raises(UnreadableInstance):
        compare(whole, broken)


def test_more_than_can_be_held_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.archive.difference._MAX_ELEMENTS", 3)
    whole = write(tmp_path / "1")
    with pytest.raises(UnreadableInstance, match="more"):
        compare(whole, whole)
