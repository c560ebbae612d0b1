from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dicom_node.archive import describe
from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import UnreadableInstance, UnreadablePixels
from inference.domain.manifest import InputNeeds
from inference.fakes.models import FakeModel, fake_manifest
from inference.validation.case import Case
from inference.validation.opener import Opener, age_in_years, read_image
from tests.support.radiographs import PATIENT_ID, radiograph
from tests.unit.validation.support import grey, opener

NEEDS = InputNeeds(modality=("CR", "DX"), body_part=("CHEST",), view=("PA",))


def case(path: Path, **columns: str) -> Case:
    return Case(path.name, path, positive=True, columns=columns)


def test_a_plain_image_is_taken_as_the_model_wants_it_but_its_age_is_not(tmp_path: Path) -> None:
    grey(tmp_path / "a.png", 0.5, side=40)
    found = opener(FakeModel(fake_manifest(needs=NEEDS))).instance(
        case(tmp_path / "a.png"), tmp_path / "a.png"
    )
    seen = found.attributes
    assert (seen.modality, seen.body_part, seen.view) == ("CR", "CHEST", "PA")
    assert seen.patient_age_years is None
    assert (seen.rows, seen.columns, seen.has_pixels) == (40, 40, True)


def test_the_columns_speak_for_a_plain_image(tmp_path: Path) -> None:
    grey(tmp_path / "a.png", 0.5)
    told = {"modality": "us", "view": "ll", "sex": "f", "age": "006M", "manufacturer": "Acme"}
    found = opener(FakeModel(fake_manifest(needs=NEEDS))).instance(
        case(tmp_path / "a.png", **told), tmp_path / "a.png"
    )
    seen = found.attributes
    assert (seen.modality, seen.view, seen.patient_sex) == ("US", "LL", "F")
    assert seen.patient_age_years == pytest.approx(0.5)
    assert seen.manufacturer == "Acme"


def test_dicom_is_described_by_its_header_alone(tmp_path: Path) -> None:
    radiograph(tmp_path / "a.dcm")
    radiograph(tmp_path / "b.dcm", instance="1.2.3")
    radiograph(tmp_path / "c.dcm", instance="1.2.3")
    opens = Opener(fake_manifest(needs=NEEDS), describe, DicomPixelReader())
    found = opens.instance(case(tmp_path / "a.dcm", age="70", modality="US"), tmp_path / "a.dcm")
    assert found.attributes.modality == "CR"
    assert found.attributes.patient_age_years == 4
    assert found.attributes.patient_id == PATIENT_ID
    assert opens.read(tmp_path / "a.dcm").pixels.shape == (256, 224)
    # The same UID in two files must not make one case of them.
    uids = {
        opens.instance(case(tmp_path / name), tmp_path / name).sop_instance_uid
        for name in ("b.dcm", "c.dcm")
    }
    assert len(uids) == 2


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
def test_every_kind_of_png_is_read_as_luminance(tmp_path: Path, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (8, 1))
    Image.fromarray(ramp).convert(mode).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png").pixels
    assert pixels.shape == (8, 64)
    assert pixels.dtype == np.float32
    assert pixels[:, :8].mean() < 0.2
    assert pixels[:, -8:].mean() > 0.8


def test_sixteen_bits_are_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").pixels[0] == pytest.approx([0, 0.5, 1], abs=1e-4)


def test_a_broken_image_is_unreadable_and_says_so(tmp_path: Path) -> None:
    broken, cut = tmp_path / "broken.png", tmp_path / "cut.jpg"
    broken.write_bytes(b"no image at all")
    Image.fromarray(np.zeros((200, 200), np.uint8)).save(cut)
    cut.write_bytes(cut.read_bytes()[:-200])
    with pytest.raises(UnreadableInstance, match="not a PNG or JPEG"):
        opener(FakeModel()).instance(case(broken), broken)
    opener(FakeModel()).instance(case(cut), cut)
    with pytest.raises(UnreadablePixels):
        read_image(cut)


def test_a_gif_that_calls_itself_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(UnreadablePixels):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("4", 4.0),
        ("4.5", 4.5),
        ("045Y", 45.0),
        ("006M", 0.5),
        ("052W", 0.9966),
        ("", None),
        ("old", None),
        ("nan", None),
        ("-1", None),
    ],
)
def test_ages(text: str, years: float | None) -> None:
    found = age_in_years(text)
    assert found == (None if years is None else pytest.approx(years, abs=1e-3))


def test_replacing_the_file_replaces_the_instance(tmp_path: Path) -> None:
    grey(tmp_path / "a.png", 0.5)
    one = case(tmp_path / "a.png")
    opens = opener(FakeModel())
    assert (
        opens.instance(one, one.path).sop_instance_uid
        != opens.instance(replace(one, file="b.png"), one.path).sop_instance_uid
    )
