"""Reading the source right: one test a trap."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    RLELossless,
)

from dicom_node.pixels import DicomPixelReader
from inference.domain.errors import CodecMissing, UnreadablePixels
from inference.ports import Picture
from tests.unit.dicom_node.images import image, item, ramp, save
from tests.unit.dicom_node.part10 import part10


def read(made: Any, tmp_path: Path, frame: int = 1) -> Picture:
    return DicomPixelReader().read(save(made, tmp_path / "image.dcm"), frame)


def words(values: Iterable[int]) -> bytes:
    return np.array(list(values), dtype="<u2").tobytes()


WINDOW = {"WindowCenter": 1500, "WindowWidth": 2000}


class TestWindow:
    def test_linear_as_the_standard_says(self, tmp_path: Path) -> None:
        """PS3.3 C.11.2.1.2.1."""
        values = np.array([[0, 500, 501], [1500, 2499, 4000]], dtype=np.uint16)
        got = read(image(values, bits_stored=12, **WINDOW), tmp_path).pixels
        expected = (values.astype(float) - 1499.5) / 1999 + 0.5
        assert got == pytest.approx(np.clip(expected, 0, 1), abs=1e-6)
        assert got.dtype == np.float32

    def test_linear_exact_and_sigmoid(self, tmp_path: Path) -> None:
        values = ramp()
        exact = read(
            image(values, bits_stored=12, VOILUTFunction="LINEAR_EXACT", **WINDOW), tmp_path
        )
        assert exact.pixels == pytest.approx(np.clip((values - 500.0) / 2000, 0, 1), abs=1e-6)
        sigmoid = read(image(values, bits_stored=12, VOILUTFunction="SIGMOID", **WINDOW), tmp_path)
        assert sigmoid.pixels == pytest.approx(
            1 / (1 + np.exp(-4 * (values - 1500.0) / 2000)), abs=1e-6
        )

    def test_the_first_of_several(self, tmp_path: Path) -> None:
        values = ramp()
        one = read(image(values, bits_stored=12, **WINDOW), tmp_path)
        two = read(
            image(values, bits_stored=12, WindowCenter=[1500, 40], WindowWidth=[2000, 80]), tmp_path
        )
        assert np.array_equal(one.pixels, two.pixels)

    @pytest.mark.parametrize(
        "window",
        [
            {},
            {"WindowCenter": 1500, "WindowWidth": 0},
            {"WindowCenter": 1500, "WindowWidth": -5},
            {"WindowCenter": 1500},
            {"WindowCenter": 60000, "WindowWidth": 100},
            {"WindowCenter": -60000, "WindowWidth": 100},
            {"WindowCenter": 1500, "WindowWidth": 10_000_000},
        ],
    )
    def test_absent_or_absurd(self, tmp_path: Path, window: dict[str, int]) -> None:
        pixels = read(image(ramp(), bits_stored=12, **window), tmp_path).pixels
        assert pixels.min() == 0.0
        assert pixels.max() == 1.0
        assert pixels.mean() == pytest.approx(0.5, abs=0.01)

    def test_a_constant_image(self, tmp_path: Path) -> None:
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            values = np.full((4, 4), 7, dtype=np.uint16)
            pixels = read(image(values, photometric=photometric), tmp_path).pixels
            assert np.all(pixels == 0.5)


class TestModality:
    def test_rescale_goes_before_the_window(self, tmp_path: Path) -> None:
        values = ramp(dtype=np.int16)
        made = image(
            values, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400
        )
        expected = np.clip((values * 2.0 - 1024 - 39.5) / 399 + 0.5, 0, 1)
        assert read(made, tmp_path).pixels == pytest.approx(expected, abs=1e-6)

    def test_lut(self, tmp_path: Path) -> None:
        values = np.arange(16, dtype=np.uint8).reshape(4, 4)
        lut = item(
            LUTDescriptor=[16, 0, 16], ModalityLUTType="US", LUTData=words(x * x for x in range(16))
        )
        made = image(
            values,
            ModalityLUTSequence=[lut],
            WindowCenter=112.5,
            WindowWidth=225,
            VOILUTFunction="LINEAR_EXACT",
        )
        assert read(made, tmp_path).pixels == pytest.approx(
            values.astype(float) ** 2 / 225, abs=1e-6
        )

    def test_slope_of_zero_is_nobodys_intention(self, tmp_path: Path) -> None:
        made = image(ramp(), bits_stored=12, RescaleSlope=0, RescaleIntercept=0, **WINDOW)
        assert read(made, tmp_path).pixels.std() > 0.1


class TestVoiLut:
    def test_goes_before_the_window(self, tmp_path: Path) -> None:
        values = np.arange(16, dtype=np.uint8).reshape(4, 4)
        lut = item(LUTDescriptor=[16, 0, 8], LUTData=words(255 - 10 * x for x in range(16)))
        made = image(values, VOILUTSequence=[lut], **WINDOW)
        assert read(made, tmp_path).pixels == pytest.approx((255 - 10.0 * values) / 255, abs=1e-6)

    def test_values_beyond_it_take_its_ends(self, tmp_path: Path) -> None:
        values = np.array([[-50, 0], [1, 90]], dtype=np.int16)
        lut = item(LUTDescriptor=[2, 0, 8], LUTData=words((10, 200)))
        got = read(image(values, VOILUTSequence=[lut]), tmp_path).pixels
        assert got == pytest.approx(np.array([[10, 10], [200, 200]]) / 255, abs=1e-6)

    @pytest.mark.parametrize(
        "lut",
        [{}, {"LUTDescriptor": [16, 0, 8]}, {"LUTDescriptor": [16, 0, 99], "LUTData": b"ab"}],
    )
    def test_an_unusable_one_is_passed_over(self, tmp_path: Path, lut: dict[str, Any]) -> None:
        values = ramp()
        with_lut = image(values, bits_stored=12, VOILUTSequence=[item(**lut)], **WINDOW)
        got = read(with_lut, tmp_path).pixels
        assert np.array_equal(got, read(image(values, bits_stored=12, **WINDOW), tmp_path).pixels)


class TestPhotometric:
    @pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 1, "RescaleIntercept": 0}])
    @pytest.mark.parametrize("window", [True, False])
    def test_monochrome1_and_its_mirrored_copy(
        self, tmp_path: Path, window: bool, rescale: dict[str, int]
    ) -> None:
        values, maximum = ramp() // 2 + 300, 4095
        # PS3.3 C.11.2.1.2.1 puts the centre of LINEAR half a step low, hence the 1.
        first = {"WindowCenter": 1500, "WindowWidth": 2000} if window else {}
        second = {"WindowCenter": maximum + 1 - 1500, "WindowWidth": 2000} if window else {}
        one = image(values, photometric="MONOCHROME1", bits_stored=12, **first, **rescale)
        two = image((maximum - values).astype(np.uint16), bits_stored=12, **second, **rescale)
        assert read(one, tmp_path).pixels == pytest.approx(read(two, tmp_path).pixels, abs=1e-6)

    def test_a_real_radiograph_and_its_mirrored_copy(
        self, tmp_path: Path, pydicom_data: Path
    ) -> None:
        made = dcmread(pydicom_data / "RG1_UNCR.dcm")
        assert made.PhotometricInterpretation == "MONOCHROME1"
        one = DicomPixelReader().read(pydicom_data / "RG1_UNCR.dcm")
        maximum = (1 << made.BitsStored) - 1
        made.PixelData = (maximum - made.pixel_array).astype(np.uint16).tobytes()
        made.PhotometricInterpretation = "MONOCHROME2"
        made.WindowCenter = maximum + 1 - made.WindowCenter
        two = read(made, tmp_path)
        assert np.abs(one.pixels - two.pixels).max() < 1e-6

    def test_inverse_is_said_once_or_twice_and_done_once(self, tmp_path: Path) -> None:
        pictures = [
            read(
                image(ramp(), bits_stored=12, photometric=photometric, **shape, **WINDOW), tmp_path
            )
            for photometric, shape in (
                ("MONOCHROME1", {}),
                ("MONOCHROME1", {"PresentationLUTShape": "INVERSE"}),
                ("MONOCHROME2", {"PresentationLUTShape": "INVERSE"}),
            )
        ]
        plain = read(image(ramp(), bits_stored=12, **WINDOW), tmp_path).pixels
        for picture in pictures:
            assert picture.pixels == pytest.approx(1 - plain, abs=1e-6)

    def test_colour_is_luminance(self, tmp_path: Path) -> None:
        values = np.zeros((2, 2, 3), dtype=np.uint8)
        values[0, 0], values[0, 1], values[1, 0] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
        got = read(image(values, photometric="RGB"), tmp_path).pixels
        assert got == pytest.approx(np.array([[0.299, 0.587], [0.114, 0.0]]), abs=1e-6)

    def test_ybr_full_has_its_luminance_already(self, tmp_path: Path) -> None:
        values = np.full((2, 2, 3), 128, dtype=np.uint8)
        values[..., 0] = [[0, 64], [128, 255]]
        got = read(image(values, photometric="YBR_FULL"), tmp_path).pixels
        assert got == pytest.approx(values[..., 0] / 255, abs=0.01)

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_palette(self, tmp_path: Path, syntax: str) -> None:
        values = np.array([[0, 1], [2, 3]], dtype=np.uint8)
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        table = np.array([0, 65535, 32768, 16384]).astype(order).tobytes()
        made = image(values, photometric="PALETTE COLOR", transfer_syntax=syntax)
        for colour in ("Red", "Green", "Blue"):
            setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
            setattr(made, f"{colour}PaletteColorLookupTableData", table)
        got = read(made, tmp_path).pixels
        assert got == pytest.approx(np.array([[0, 65535], [32768, 16384]]) / 65535, abs=1e-4)


class TestStored:
    def test_junk_above_bits_stored(self, tmp_path: Path) -> None:
        values = ramp()
        junk = (values | 0xA000).astype(np.uint16)
        clean = read(image(values, bits_stored=12, **WINDOW), tmp_path)
        assert np.array_equal(
            read(image(junk, bits_stored=12, **WINDOW), tmp_path).pixels, clean.pixels
        )

    def test_junk_above_signed_values(self, tmp_path: Path) -> None:
        values = (ramp().astype(np.int32) - 2048).astype(np.int16)
        junk = ((values & 0x0FFF) | 0x5000).astype(np.int16)
        window = {"WindowCenter": 0, "WindowWidth": 4096}
        clean = read(image(values, bits_stored=12, **window), tmp_path)
        assert np.array_equal(
            read(image(junk, bits_stored=12, **window), tmp_path).pixels, clean.pixels
        )
        assert clean.pixels.mean() == pytest.approx(0.5, abs=0.01)

    def test_padding(self, tmp_path: Path) -> None:
        values = ramp(dtype=np.int16)
        values[:5] = -2000
        made = image(values, PixelPaddingValue=-2000, photometric="MONOCHROME1")
        picture = read(made, tmp_path)
        assert picture.padding is not None
        assert np.array_equal(picture.padding, values == -2000)
        assert np.all(picture.pixels[:5] == 0)
        # It takes no part in the range of the image either.
        assert picture.pixels[5:].min() == 0.0
        assert picture.pixels[5:].max() == 1.0

    def test_padding_range(self, tmp_path: Path) -> None:
        made = image(ramp(), bits_stored=12, PixelPaddingValue=4000, PixelPaddingRangeLimit=4095)
        picture = read(made, tmp_path)
        assert picture.padding is not None
        assert np.array_equal(picture.padding, ramp() >= 4000)

    def test_padding_that_is_nowhere(self, tmp_path: Path) -> None:
        assert read(image(ramp(), PixelPaddingValue=65535), tmp_path).padding is None


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
