"""The models of many headers are those that pydicom makes of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.dicomweb import header_models
from dicom_node.dicomweb.header_models import HeaderModels
from dicom_node.dicomweb.model import Model, header_model
from dicom_node.pixels.part10 import open_part10
from inference.domain.errors import InputError

FILES = sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm"))
SMALL = [each for each in FILES if each.name in ("CT_small.dcm", "MR_small_implicit.dcm")]


def bulk(path: str) -> str:
    return f"bulkdata/{path}"


def by_pydicom(path: Path) -> Model:
    with open_part10(path) as part10:
        model = header_model(part10.header, bulk)
        if part10.pixels is not None:
            tag = f"{part10.pixels.tag:08X}"
            model[tag] = {"vr": part10.pixels.vr, "BulkDataURI": bulk(tag)}
        return model


def said(read: Callable[[Path], Model], path: Path) -> Model | str:
    try:
        return read(path)
    except InputError:
        return "unreadable"


@pytest.fixture
def without_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(path: Path) -> None:
        raise AssertionError(f"{path.name} was opened by pydicom")

    monkeypatch.setattr(header_models, "open_part10", opened)


def test_all_kinds_of_files_are_understood_as_pydicom_does() -> None:
    models = HeaderModels()
    for path in FILES:
        for _ in range(2):  # at first sight, and from memory
            assert said(lambda each: models.read(each, bulk), path) == said(by_pydicom, path), path


def test_the_text_is_the_model_as_json() -> None:
    models = HeaderModels()
    for path in FILES:
        for _ in range(2):
            text = said(lambda each: json.loads(models.text(each, bulk)), path)
            assert text == said(lambda each: json.loads(json.dumps(by_pydicom(each))), path), path


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_models, "_ROOM", 1000)
    models = HeaderModels()
    (path,) = (each for each in SMALL if each.name == "CT_small.dcm")
    for _ in range(2):
        assert models.read(path, bulk) == by_pydicom(path)
    (known,) = models._known.values()
    assert len(known) == 2


@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.integers(132, 6000), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(140, 9000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_understood_as_pydicom_does(
    tmp_path: Path, original: Path, damage: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(original.read_bytes())
    for position, value in damage:
        if position < len(data):
            data[position] = value
    path = tmp_path / "damaged.dcm"
    path.write_bytes(data[:length])
    expected = said(by_pydicom, path)
    if expected != "unreadable":  # pydicom does not know how to end some of these
        assert said(lambda each: HeaderModels().read(each, bulk), path) == expected


@pytest.mark.usefixtures("without_pydicom")
def test_slices_share_what_they_have_in_common(tmp_path: Path) -> None:
    models = HeaderModels()
    made = []
    for number in range(3):
        path = write(tmp_path / f"{number}.dcm", slice_of(number))
        made.append(models.read(path, bulk))
    assert [each["00200013"]["Value"] for each in made] == [[0], [1], [2]]
    assert made[0]["00100010"] is made[1]["00100010"] is made[2]["00100010"]
    assert made[0]["7FE00010"] == {"vr": "OW", "BulkDataURI": "bulkdata/7FE00010"}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_same_bytes_mean_what_their_own_header_says(tmp_path: Path, syntax: str) -> None:
    models = HeaderModels()
    for number, (characters, name, creator, signed) in enumerate(
        [
            ("ISO_IR 100", "Müller^Jörg", "GEMS_IDEN_01", 0),
            ("ISO_IR 101", "Müller^Jörg".encode("latin1").decode("latin2"), "NOBODY", 1),
        ]
    ):
        made = slice_of(number)
        made.SpecificCharacterSet, made.PatientName = characters, name
        made.PixelRepresentation = signed
        made.add_new(0x00280120, "US", 0xFFF0)  # Pixel Padding Value
        made[0x00280120].VR = "SS" if signed else "US"
        made[0x00280120].value = -16 if signed else 0xFFF0
        made.add_new(0x00090010, "LO", creator)
        made.add_new(0x00091030, "SH", "odd")
        path = write(tmp_path / f"{number}.dcm", made, syntax)
        model = models.read(path, bulk)
        assert model == by_pydicom(path)
        assert model["00100010"]["Value"] == [{"Alphabetic": name}]
        assert model["00280120"]["Value"] == [-16 if signed else 0xFFF0]


@pytest.mark.usefixtures("without_pydicom")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_sequences_without_length_end_where_they_end(tmp_path: Path, syntax: str) -> None:
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-D3000", "Chest"
    outer.AnatomicRegionModifierSequence = Sequence([inner, inner])
    outer.CodeValue = "1"
    made = slice_of(1)
    made.AnatomicRegionSequence = Sequence([outer, outer])
    for each in (made, outer):
        for element in each:
            if element.VR == "SQ":
                element.value.is_undefined_length = element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    path = write(tmp_path / "nested.dcm", made, syntax)
    model = HeaderModels().read(path, bulk)
    (first, _) = model["00082218"]["Value"]
    assert first["00082220"]["Value"][1]["00080104"]["Value"] == ["Chest"]
    assert model["00200013"]["Value"] == [1]


@pytest.mark.usefixtures("without_pydicom")
def test_each_instance_refers_to_its_own_long_values(tmp_path: Path) -> None:
    models = HeaderModels()
    for number in range(2):
        made = slice_of(number)
        made.add_new(0x00090010, "LO", "MAKER")
        made.add_new(0x00091001, "OB", bytes(2000))
        path = write(tmp_path / f"{number}.dcm", made)
        model = models.read(path, lambda named, number=number: f"{number}/{named}")  # type: ignore[misc]
        assert model["00091001"] == {"vr": "OB", "BulkDataURI": f"{number}/00091001"}


def test_a_long_header_is_read_whole(tmp_path: Path) -> None:
    made = slice_of(1)
    made.add_new(0x00090010, "LO", "MAKER")
    made.add_new(0x00091001, "UT", "x" * 100_000)
    path = write(tmp_path / "long.dcm", made)
    assert HeaderModels().read(path, bulk) == by_pydicom(path)
    del made.PixelData
    path = write(tmp_path / "report.dcm", made)
    assert HeaderModels().read(path, bulk) == by_pydicom(path)


def slice_of(number: int) -> Dataset:
    (original,) = (each for each in SMALL if each.name == "CT_small.dcm")
    made = dcmread(original)
    made.InstanceNumber = number
    return made


def write(path: Path, data_set: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    data_set.file_meta.TransferSyntaxUID = UID(syntax)
    data_set.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=True,
    )
    return path
