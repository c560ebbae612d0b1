"""A window in the units of the Modality LUT, and where a frame lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom_node.pixels import DicomPixelReader
from tests.unit.dicom_node.images import image, item, ramp, save

AXIAL = [1, 0, 0, 0, 1, 0]


def test_a_window_is_over_the_values_after_the_modality_lut(tmp_path: Path) -> None:
    values = np.array([[0, 974, 1124], [1174, 1374, 4000]], dtype=np.uint16)
    path = save(
        image(
            values,
            bits_stored=12,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            WindowCenter=-600,
            WindowWidth=1500,
        ),
        tmp_path / "ct.dcm",
    )
    got = DicomPixelReader().read(path, window=(-50, 350)).pixels
    expected = np.clip((values.astype(float) - 1024 + 50) / 400, 0, 1)
    assert got == pytest.approx(expected, abs=1e-6)


def read(tmp_path: Path, **header: Any) -> Any:
    return DicomPixelReader().read(save(image(ramp(), **header), tmp_path / "image.dcm"))


def test_spacing_and_plane(tmp_path: Path) -> None:
    picture = read(
        tmp_path,
        PixelSpacing=[0.7, 0.8],
        ImagePositionPatient=[-120, -130.5, 40],
        ImageOrientationPatient=AXIAL,
    )
    assert picture.spacing_mm == (0.7, 0.8)
    assert picture.plane.position_mm == (-120, -130.5, 40)
    assert picture.plane.normal == (0, 0, 1)


def test_functional_groups_go_first(tmp_path: Path) -> None:
    group = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.5])],
        PlanePositionSequence=[item(ImagePositionPatient=[1, 2, 3])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)],
    )
    picture = read(tmp_path, SharedFunctionalGroupsSequence=[group], PixelSpacing=[9, 9])
    assert picture.spacing_mm == (0.5, 0.5)
    assert picture.plane.position_mm == (1, 2, 3)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"PixelSpacing": [0, 0], "ImagePositionPatient": [0, 0, 0]},
        {"ImagePositionPatient": [0, 0], "ImageOrientationPatient": AXIAL},
        {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [0] * 6},
        {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImagerPixelSpacing": [0.14, 0.14]},
    ],
)
def test_what_the_header_does_not_say_is_not_known(tmp_path: Path, header: dict[str, Any]) -> None:
    picture = read(tmp_path, **header)
    assert picture.spacing_mm is None
    assert picture.plane is None
