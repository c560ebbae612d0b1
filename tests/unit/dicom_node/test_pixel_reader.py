"""Reading the source right: one test a trap."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from dicom_node.pixels import DicomPixelReader
from inference.ports import Picture
from tests.unit.dicom_node.images import image, item, ramp, save


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
