"""The picture, and the Secondary Capture around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.domain.finding import Presence
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Role
from inference.ports import Evidence, Picture
from structured_reports import drawing
from structured_reports.device import device_of
from structured_reports.encoder import DicomResultEncoder
from structured_reports.overlay import overlay_frames
from structured_reports.panels import overlay
from tests.support.sources import (
    MANIFEST,
    assessed,
    evidence_of,
    finding_of,
    heat_map,
    outline,
    spot,
    write_raw,
)
from tests.unit.structured_reports.conftest import IDENTITY, read


def _picture(evidence: Evidence, **changes: object) -> np.ndarray:
    finding = replace(finding_of(evidence.instance), **changes)
    result = assessed(evidence.instance, [finding])
    return overlay(evidence, [finding], result, device_of(result, MANIFEST, "0.1.0"))


def _of(evidence: Evidence, rows: int, columns: int) -> Evidence:
    pixels = np.linspace(0, 1, rows * columns, dtype=np.float32).reshape(rows, columns)
    return replace(evidence, picture=Picture(pixels), heat_map=heat_map(rows, columns))


def test_the_unmarked_image_stands_at_the_left(evidence: Evidence) -> None:
    """No text and no colour may cover anatomy: the panel is the image, pixel for pixel."""
    large = _of(evidence, 960, 700)
    assert large.picture is not None
    picture = _picture(large)
    plain = np.asarray(drawing.grey(large.picture.pixels, (700, 960)))
    left = 24
    top = next(
        y
        for y in range(picture.shape[0] - 960)
        if np.array_equal(picture[y : y + 4, left : left + 700], plain[:4])
    )
    assert np.array_equal(picture[top : top + 960, left : left + 700], plain)


def test_nothing_but_heat_and_outline_on_the_right(evidence: Evidence) -> None:
    """Without heat and without a region both panels are the same."""
    large = _of(evidence, 960, 700)
    cold = replace(large, heat_map=np.zeros((960, 700), np.float32))
    picture = _picture(cold, region=outline(960, 700))
    left, right = 24, 24 + 700 + 24
    top = 98 + 44
    assert np.array_equal(
        picture[top : top + 960, left : left + 700], picture[top : top + 960, right : right + 700]
    )


def test_heat_and_region_are_seen(evidence: Evidence) -> None:
    large = _of(evidence, 960, 700)
    picture = _picture(large, region=spot(960, 700)).astype(int)
    panel = picture[142 : 142 + 960, 748 : 748 + 700]
    colourful = np.abs(panel[..., 0] - panel[..., 2]) > 20
    assert colourful[595, 224]  # the spot of tests.support.sources
    assert not colourful[40, 650]
    bright = (np.abs(panel - drawing.OUTLINE) < 40).all(axis=-1)
    rows = np.nonzero(bright)[0]
    assert len(rows) > 400
    # The ring of tests.support.sources.spot: nothing is drawn inside of it.
    assert not bright[500:690, 180:270].any()
    assert (rows.min() < 460, rows.max() > 730) == (True, True)


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (16, 16), (169, 211), (3000, 2500), (40, 2000), (2000, 40)]
)
def test_any_shape_has_a_sensible_size(evidence: Evidence, rows: int, columns: int) -> None:
    picture = _picture(_of(evidence, rows, columns))
    height, width, channels = picture.shape
    assert channels == 3
    assert 1100 <= width <= 2200
    assert height <= 1500


def test_numbers_that_are_none(evidence: Evidence) -> None:
    pixels = np.full((16, 16), np.nan, np.float32)
    pixels[0] = np.inf
    odd = replace(evidence, picture=Picture(pixels), heat_map=np.full((4, 4), np.nan, np.float32))
    assert _picture(odd).dtype == np.uint8


def test_no_heat_map(evidence: Evidence) -> None:
    assert _picture(replace(evidence, heat_map=None)).size


def test_no_picture_is_an_error(evidence: Evidence) -> None:
    with pytest.raises(ValueError, match="picture"):
        _picture(replace(evidence, picture=None))


def test_reasons_make_the_band_taller(evidence: Evidence) -> None:
    doubt = Refusal(Reason.AGE_UNKNOWN, "no age and no birth date " * 12)
    doubtful = _picture(evidence, presence=Presence.UNDETERMINED, doubts=(doubt,))
    assert doubtful.shape[0] >= _picture(evidence).shape[0] + 2 * 31


def test_what_is_written_changes_the_picture(evidence: Evidence) -> None:
    pictures = [
        _picture(evidence),
        _picture(evidence, presence=Presence.ABSENT),
        _picture(evidence, certainty=0.2),
        _picture(evidence, threshold=0.2),
    ]
    assert len({each.tobytes() for each in pictures}) == 4


def test_the_secondary_capture(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    finding = finding_of(evidence.instance)
    objects = encoder.encode(assessed(evidence.instance, [finding]), MANIFEST, [evidence], None)
    encoded = objects[1]
    image = read(encoded)
    assert encoded.role is Role.OVERLAY
    assert image.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert (image.Modality, image.PhotometricInterpretation) == ("OT", "RGB")
    assert (image.BitsAllocated, image.BitsStored, image.SamplesPerPixel) == (8, 8, 3)
    assert list(image.ImageType) == ["DERIVED", "SECONDARY"]
    assert image.BurnedInAnnotation == "YES"
    assert "not verified" in image.DerivationDescription
    assert "Pneumonia present, certainty 87.3 %" in image.DerivationDescription
    source = image.SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == evidence.instance.sop_instance_uid
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert "PixelSpacing" not in image
    assert "Laterality" in image
    (pixels,) = overlay_frames(encoded.part10)
    assert np.array_equal(pixels, image.pixel_array)
    assert np.array_equal(pixels, _picture(evidence))


def test_pixel_spacing_is_never_copied(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    odd = evidence_of(write_raw(tmp_path / "rg1.dcm", IDENTITY | {0x00280030: b"0\\0"}))
    finding = finding_of(odd.instance)
    objects = encoder.encode(assessed(odd.instance, [finding]), MANIFEST, [odd], None)
    assert all("PixelSpacing" not in read(each) for each in objects)


def test_wrap_and_shorten() -> None:
    face = drawing.font(20)
    lines = drawing.wrap("one two three four five six seven", face, 120)
    assert " ".join(lines) == "one two three four five six seven"
    assert all(face.getlength(line) <= 120 for line in lines)
    assert drawing.wrap("", face, 120) == []
    cut = drawing.shorten("a name that is much too long", face, 120)
    assert cut.endswith("...")
    assert face.getlength(cut) <= 120
    assert drawing.shorten("short", face, 120) == "short"


def test_the_colour_map_grows_lighter() -> None:
    colours = drawing.heat_colours(np.linspace(0, 1, 50, dtype=np.float32))
    luminance = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()
    assert drawing.colour_bar(300).height == 300
    assert isinstance(drawing.colour_bar(300), Image.Image)


def test_what_is_cold_is_left_as_it_is_and_what_is_hot_shines_through() -> None:
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)).convert("RGB")
    heat = np.array([[0.0, 0.04], [0.0, 1.0]], dtype=np.float32)
    before, after = (np.asarray(each, dtype=int) for each in (grey, drawing.blend(grey, heat)))
    assert np.array_equal(after[:16, :8], before[:16, :8])
    hottest = before[-1, -1] * 0.38 + drawing.heat_colours(np.ones(1, np.float32))[0] * 0.62
    assert np.abs(after[-1, -1] - hottest).max() <= 2


def test_an_outline_is_drawn_as_far_as_it_lies_in_the_image() -> None:
    def drawn(*points: tuple[float, float]) -> NDArray[np.uint8]:
        image = Image.new("RGB", (60, 40), (90, 90, 90))
        drawing.draw_outline(image, points, (1, 1))
        return np.asarray(image)

    inside = drawn((10, 10), (30, 10), (30, 30), (10, 30))
    assert (inside[10, 20] == drawing.OUTLINE).all()
    assert (inside[[5, 20, 35], [20, 20, 20]] == 90).all()
    across = drawn((40, 10), (90, 10), (90, 30), (40, 30))
    assert (across[20, 40] == drawing.OUTLINE).all()
    assert (across[20, 59] == 90).all()
    assert (drawn((100, 100), (120, 100), (120, 120)) == 90).all()
