"""Pictures become DICOM images; what is hostile or broken is refused in words."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from dicom_node.pictures import (
    Facts,
    InvalidFacts,
    InvalidPicture,
    Picture,
    Wrapping,
    read_picture,
    wrap,
)
from tests.support.validators import iod_errors

AT = datetime(2026, 1, 2, 3, 4, 5)
PIXELS = np.random.default_rng(1).integers(0, 256, (40, 31), dtype=np.uint8)


def _save(folder: Path, image: Image.Image, kind: str = "PNG", **options: Any) -> Path:
    path = folder / f"picture.{kind.lower()}"
    image.save(path, kind, **options)
    return path


def _png(width: int, height: int, chunks: bytes = b"") -> bytes:
    """Return a PNG that claims a size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
    return b"\x89PNG\r\n\x1a\n" + head + chunks + data + chunk(b"IEND", b"")


def test_a_grey_png_keeps_its_pixels(tmp_path: Path) -> None:
    found = read_picture(_save(tmp_path, Image.fromarray(PIXELS)))
    assert found.is_grey
    assert found.ratio is None
    assert np.array_equal(found.pixels, PIXELS)


def test_sixteen_bits_stay_sixteen(tmp_path: Path) -> None:
    deep = PIXELS.astype(np.uint16) * 257
    found = read_picture(_save(tmp_path, Image.fromarray(deep)))
    assert found.pixels.dtype == np.uint16
    assert np.array_equal(found.pixels, deep)


def test_equal_channels_are_grey_and_others_a_colour(tmp_path: Path) -> None:
    grey = np.stack([PIXELS] * 3, axis=2)
    assert read_picture(_save(tmp_path, Image.fromarray(grey))).is_grey
    colour = grey.copy()
    colour[5:9, 5:9] = (200, 10, 10)
    found = read_picture(_save(tmp_path, Image.fromarray(colour)))
    assert found.pixels.shape == (40, 31, 3)
    assert np.array_equal(found.pixels, colour)


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    rows = np.zeros((20, 30, 4), np.uint8)
    rows[..., :3], rows[:10, :, 3] = 200, 255
    found = read_picture(_save(tmp_path, Image.fromarray(rows)))
    assert found.is_grey
    assert set(found.pixels[:10].ravel()) == {200}
    assert set(found.pixels[10:].ravel()) == {0}


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(np.stack([PIXELS, PIXELS // 2, PIXELS // 4], axis=2)).quantize(16)
    found = read_picture(_save(tmp_path, image))
    assert np.array_equal(found.pixels, np.asarray(image.convert("RGB")))


def test_a_photograph_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    path = _save(tmp_path, Image.fromarray(PIXELS), "JPEG", exif=exif, quality=95)
    found = read_picture(path)
    assert found.pixels.shape == (31, 40)
    assert found.ratio is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither"),
        (b"%PDF-1.7 not a picture", "neither"),
        (b"GIF89a", "neither"),
        (_png(60_000, 60_000), "million"),
        (_png(2**31 - 1, 1), "million"),
        (_png(100, 100)[:60], "broken"),
        (_png(300, 300), "broken"),
        (_png(0, 0), "broken"),
        (_png(8, 8), "only 8 x 8"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, "broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, "broken"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "what.png"
    path.write_bytes(content)
    with pytest.raises(InvalidPicture, match=words):
        read_picture(path)


def test_a_picture_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG"):
        whole = _save(tmp_path, Image.fromarray(PIXELS), kind).read_bytes()
        path = tmp_path / "cut"
        for length in range(8, len(whole) - 20, 37):
            path.write_bytes(whole[:length])
            with pytest.raises(InvalidPicture):
                read_picture(path)


def test_a_text_that_inflates_is_refused(tmp_path: Path) -> None:
    bomb = b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9)
    chunk = struct.pack(">I", len(bomb)) + b"zTXt" + bomb
    chunk += struct.pack(">I", zlib.crc32(b"zTXt" + bomb))
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(100, 100, chunk))
    with pytest.raises(InvalidPicture):
        read_picture(path)


def test_several_pictures_in_one_file_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    path = _save(tmp_path, frames[0], save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidPicture, match="several"):
        read_picture(path)


RADIOGRAPH = Facts(
    Wrapping.DX, patient_id="P1", patient_name="Müller^Anna", birth_date="20200101", sex="F",
    study_description="Thorax", view="PA", pixel_spacing_mm="0.143",
)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (RADIOGRAPH, "grey"),
        (RADIOGRAPH, "deep"),
        (Facts(Wrapping.DX, "P1", body_part="HAND", laterality="L", pixel_spacing_mm="1"), "lossy"),
        (Facts(patient_id="P1"), "grey"),
        (Facts(patient_id="P1", view="AP", pixel_spacing_mm="0.2", has_text=True), "deep"),
        (Facts(patient_id="P1", modality="XC", body_part="", orientation=""), "colour"),
        (Facts(patient_id="P1", body_part="KNEE", laterality="R"), "lossy"),
    ],
)
def test_what_comes_of_it_is_valid(tmp_path: Path, facts: Facts, kind: str) -> None:
    pictures = {
        "grey": Picture(PIXELS),
        "deep": Picture(PIXELS.astype(np.uint16) * 200),
        "lossy": Picture(PIXELS, 7.25),
        "colour": Picture(np.stack([PIXELS, PIXELS // 2, PIXELS], axis=2)),
    }
    image = wrap(pictures[kind], facts, token="t", at=AT, number=2, digest="d")
    path = tmp_path / "image.dcm"
    image.save_as(path, enforce_file_format=True)
    assert iod_errors(path) == []
    read = pydicom.dcmread(path)
    assert np.array_equal(read.pixel_array, pictures[kind].pixels)
    assert read.BurnedInAnnotation == ("YES" if facts.has_text else "NO")
    assert read.LossyImageCompression == ("01" if kind == "lossy" else "00")


def test_the_same_again_is_the_same_object_and_pictures_share_a_study() -> None:
    def made(number: int, digest: str, **changes: Any) -> pydicom.Dataset:
        given = {"token": "t", "at": AT} | changes
        return wrap(Picture(PIXELS), RADIOGRAPH, number=number, digest=digest, **given)

    def content(image: pydicom.Dataset) -> bytes:
        buffer = BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    first, second = made(1, "a"), made(2, "b")
    assert content(made(1, "a")) == content(first)
    assert second.StudyInstanceUID == first.StudyInstanceUID
    assert second.SeriesInstanceUID == first.SeriesInstanceUID
    assert second.SOPInstanceUID != first.SOPInstanceUID
    assert made(1, "a", token="u").StudyInstanceUID != first.StudyInstanceUID


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patient_id": " "}, "patient ID"),
        ({"patient_id": "a\\b"}, "characters"),
        ({"patient_name": "a\x00b"}, "characters"),
        ({"patient_name": "a^b^c^d^e^f"}, "five parts"),
        ({"study_description": "x" * 65}, "longer than 64"),
        ({"accession_number": "x" * 17}, "longer than 16"),
        ({"birth_date": "20260230"}, "not a date"),
        ({"birth_date": "٢٠٢٠٠١٠١"}, "not a date"),
        ({"birth_date": "20260103", "study_date": "20260102"}, "after"),
        ({"sex": "X"}, "none of those"),
        ({"body_part": "TAIL"}, "none of those"),
        ({"body_part": "HAND"}, "Right, left or both"),
        ({"laterality": "L"}, "neither right nor left"),
        ({"pixel_spacing_mm": ""}, "pixel spacing"),
        ({"pixel_spacing_mm": "1e9"}, "millimetres"),
        ({"pixel_spacing_mm": "0"}, "millimetres"),
        ({"orientation": ""}, "orientation"),
        ({"modality": "CT"}, "modality DX"),
    ],
)
def test_what_does_not_fit_a_header_is_refused(changes: dict[str, Any], words: str) -> None:
    told = {"patient_id": "P1", "pixel_spacing_mm": "0.1"} | changes
    with pytest.raises(InvalidFacts, match=words):
        Facts(Wrapping.DX, **told).checked()


def test_colours_are_no_radiograph() -> None:
    colour = Picture(np.stack([PIXELS, PIXELS // 2, PIXELS], axis=2))
    with pytest.raises(InvalidPicture, match="Secondary Capture"):
        wrap(colour, RADIOGRAPH, token="t", at=AT, number=1, digest="d")
