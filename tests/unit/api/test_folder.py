from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.domain.errors import InputError, UnreadableInstance, UnreadablePixels
from tests.support.radiographs import PATIENT_ID, PATIENT_NAME, radiograph
from wetread import api


def test_a_folder_is_described_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    ds = radiograph(tmp_path / "below" / "a.dcm")
    (tmp_path / "notes.txt").write_text("no DICOM")

    found = api.describe_folder(tmp_path)

    assert [each.name for each in found] == ["a.dcm", "notes.txt"]
    first, second = found
    assert (first.modality, first.body_part, first.view) == ("CR", "CHEST", "AP")
    assert (first.rows, first.columns, first.age_years, first.sex) == (256, 224, 4.0, "F")
    assert first.sop_class == "Computed Radiography Image Storage"
    assert first.transfer_syntax == "Explicit VR Little Endian"
    assert first.sop_instance_uid == ds.SOPInstanceUID
    assert not first.error
    assert "not a DICOM file" in second.error


def test_a_description_names_no_patient(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm")
    said = repr(api.describe_folder(tmp_path))
    assert PATIENT_NAME not in said
    assert PATIENT_ID not in said


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        api.describe_folder(tmp_path / "missing")


def test_tags_are_those_of_the_header(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm", ImageComments="x" * 64 + "y")
    values = {keyword: value for _, _, keyword, value in api.tags(tmp_path / "a.dcm").rows}
    assert values["Modality"] == "CR"
    assert values["SOPClassUID"] == "Computed Radiography Image Storage"
    assert values["ImageComments"] == "x" * 63 + "…"
    assert "PixelData" not in values


def test_tags_of_what_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises(UnreadableInstance, match=r"notes\.txt"):
        api.tags(tmp_path / "notes.txt")


def test_pictures_of_dicom_and_png(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm")
    Image.fromarray(np.full((4, 6), 255, dtype=np.uint8)).save(tmp_path / "b.png")

    dicom, png = (api.read_picture(tmp_path / name) for name in ("a.dcm", "b.png"))

    assert dicom.pixels.shape == (256, 224)
    assert 0 <= dicom.pixels.min() < dicom.pixels.max() <= 1
    assert png.pixels.shape == (4, 6)
    assert png.pixels.min() == 1.0
    with pytest.raises(UnreadablePixels):
        api.read_picture(tmp_path / "a.dcm", frame=2)
