"""Frames, transfer syntaxes and files that lie."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
)

from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import CodecMissing, UnreadablePixels
from inference.ports import Picture
from tests.unit.dicom_node.images import image, item, ramp, save
from tests.unit.dicom_node.part10 import part10

WINDOW = {"WindowCenter": 1500, "WindowWidth": 2000}


def read(made: Any, tmp_path: Path, frame: int = 1) -> Picture:
    return DicomPixelReader().read(save(made, tmp_path / "image.dcm"), frame)


class TestFrames:
    def test_the_asked_one(self, tmp_path: Path) -> None:
        values = np.stack([ramp(), ramp()[::-1], ramp().T])
        made = image(values, bits_stored=12, frames=3, **WINDOW)
        for number in (1, 2, 3):
            alone = read(image(values[number - 1], bits_stored=12, **WINDOW), tmp_path)
            assert np.array_equal(read(made, tmp_path, number).pixels, alone.pixels)

    @pytest.mark.parametrize("frame", [0, -1, 4])
    def test_one_that_is_not_there(self, tmp_path: Path, frame: int) -> None:
        made = image(np.stack([ramp()] * 3), frames=3)
        with pytest.raises(UnreadablePixels, match="frame"):
            read(made, tmp_path, frame)

    def test_functional_groups(self, tmp_path: Path) -> None:
        """PS3.3 C.7.6.16: per frame, else shared."""

        def window(centre: int) -> Any:
            return item(FrameVOILUTSequence=[item(WindowCenter=centre, WindowWidth=400)])

        values = np.stack([ramp()] * 2)
        made = image(values, bits_stored=12, frames=2)
        made.SharedFunctionalGroupsSequence = [
            item(
                PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=-1024)],
            )
        ]
        made.PerFrameFunctionalGroupsSequence = [window(40), window(1000)]
        for number, centre in ((1, 40), (2, 1000)):
            expected = np.clip((ramp() - 1024.0 - centre + 0.5) / 399 + 0.5, 0, 1)
            assert read(made, tmp_path, number).pixels == pytest.approx(expected, abs=1e-6)


class TestTransferSyntaxes:
    @pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
    def test_native(self, tmp_path: Path, syntax: str) -> None:
        values = ramp()
        plain = read(image(values, bits_stored=12, **WINDOW), tmp_path)
        stored = values.astype(">u2") if syntax == ExplicitVRBigEndian else values
        made = image(stored, bits_stored=12, transfer_syntax=syntax, **WINDOW)
        assert np.array_equal(read(made, tmp_path).pixels, plain.pixels)

    def test_rle_of_several_frames(self, tmp_path: Path) -> None:
        values = np.stack([ramp(), ramp().T])
        made = image(values, bits_stored=12, frames=2, **WINDOW)
        plain = [read(made, tmp_path, number).pixels for number in (1, 2)]
        made.compress(RLELossless, generate_instance_uid=False)
        for number in (1, 2):
            assert np.array_equal(read(made, tmp_path, number).pixels, plain[number - 1])

    def test_one_that_nothing_reads(self, tmp_path: Path) -> None:
        made = image(ramp())
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0ab"
        with pytest.raises(CodecMissing, match=r"MPEG-4.*1\.2\.840\.10008\.1\.2\.4\.102"):
            read(made, tmp_path)

    def test_the_package_that_would_read_it_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from pydicom.pixels.decoders import JPEG2000LosslessDecoder

        monkeypatch.setattr(JPEG2000LosslessDecoder, "_available", {})
        made = image(ramp())
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
        made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x02\0\0\0ab"
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        with pytest.raises(CodecMissing, match="install pylibjpeg-openjpeg"):
            read(made, tmp_path)


class TestHostile:
    @pytest.mark.parametrize(
        "change",
        [
            {"Rows": 0},
            {"Columns": 0},
            {"Rows": 65535, "Columns": 65535},
            {"BitsAllocated": 7},
            {"BitsStored": 0},
            {"SamplesPerPixel": 0},
            {"SamplesPerPixel": 2},
            {"PhotometricInterpretation": "NONSENSE"},
            {"PhotometricInterpretation": "PALETTE COLOR"},
            {"NumberOfFrames": 1_000_000},
            {"Rows": 64, "Columns": 65},
        ],
    )
    def test_a_header_that_does_not_fit(self, tmp_path: Path, change: dict[str, Any]) -> None:
        made = image(ramp(), bits_stored=12)
        for keyword, value in change.items():
            setattr(made, keyword, value)
        with contextlib.suppress(UnreadablePixels):
            assert read(made, tmp_path).pixels.shape == (64, 64)

    def test_no_pixels(self, tmp_path: Path) -> None:
        made = image(ramp())
        del made.PixelData
        with pytest.raises(UnreadablePixels):
            read(made, tmp_path)

    def test_no_dicom(self, tmp_path: Path) -> None:
        path = tmp_path / "x.dcm"
        path.write_bytes(b"hello")
        with pytest.raises(UnreadablePixels, match="not a DICOM file"):
            DicomPixelReader().read(path)
        with pytest.raises(UnreadablePixels):
            DicomPixelReader().read(tmp_path / "missing.dcm")
        path.write_bytes(part10(b""))
        with pytest.raises(UnreadablePixels):
            DicomPixelReader().read(path)

    def test_a_codestream_that_claims_to_be_huge(self, tmp_path: Path) -> None:
        """No decoder must ask for its memory."""
        made = image(ramp())
        made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
        siz = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + b"\x00\x00\xff\xff" * 2 + b"\0" * 40
        length = len(siz).to_bytes(4, "little")
        made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + length + siz
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        with pytest.raises(UnreadablePixels, match="65535 by 65535"):
            read(made, tmp_path)

    def test_a_deflated_bomb(self, tmp_path: Path) -> None:
        made = image(
            np.zeros((4, 4), dtype=np.uint8), transfer_syntax=DeflatedExplicitVRLittleEndian
        )
        made.add_new(0x00091001, "OB", bytes(300 << 20))
        with pytest.raises(UnreadablePixels, match="inflates"):
            read(made, tmp_path)


@pytest.mark.shared
def test_the_samples(shared_data: Path) -> None:
    """Every real image is read, and each codec gives what the others give."""
    read_all = {
        path.name: DicomPixelReader().read(path).pixels
        for path in sorted((shared_data / "dicom-samples").rglob("*.dcm"))
    }
    assert len(read_all) >= 20
    for name, pixels in read_all.items():
        assert pixels.ndim == 2, name
        assert float(pixels.min()) >= 0.0, name
        assert float(pixels.max()) <= 1.0, name
        assert pixels.std() > 0.02, name
    for one, other, tolerance in (
        ("cr-monochrome1-RG1_J2KI.dcm", "RG1_JLSN.dcm", 0.03),  # lossy, near lossless
        ("RG3_RLE.dcm", "RG3_J2KR.dcm", 0.0),
        ("RG3_RLE.dcm", "RG3_JPLY.dcm", 0.06),  # 12 bit JPEG, with the broken scan header
        ("US1_RLE.dcm", "US1_J2KR.dcm", 1e-6),
    ):
        difference = np.abs(read_all[one] - read_all[other])
        assert difference.max() <= tolerance, (one, other, difference.max())


@pytest.mark.shared
def test_each_decoder_of_a_transfer_syntax_gives_the_same(shared_data: Path) -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    from dicom_node.archive.header import read_file_meta

    compared = 0
    for path in sorted((shared_data / "dicom-samples").rglob("*.dcm")):
        with path.open("rb") as file:
            syntax = UID(read_file_meta(file).transfer_syntax_uid)
        plugins = get_decoder(syntax).available_plugins
        if len(plugins) < 2 or path.name == "RG3_JPLY.dcm":
            continue
        arrays = []
        for plugin in plugins:
            try:
                arrays.append(pixel_array(path, index=0, decoding_plugin=plugin))
            except RuntimeError:  # Pillow does not take more than 8 bits of some
                continue
        compared += len(arrays) > 1
        assert all(np.array_equal(arrays[0], other) for other in arrays[1:]), path.name
    assert compared >= 2
