"""Pictures: rendered resources, thumbnails, and the URI service."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.support.multipart import parts_of
from tests.support.origin import OriginServer, radiograph

STUDY, SERIES = "1.2.3", "1.2.3.1"
RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (32, 1))  # 32 rows, 64 columns


def at(uid: str) -> str:
    return f"/studies/{STUDY}/series/{SERIES}/instances/{uid}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginServer]:
    uids: dict[str, Any] = {"study": STUDY, "series": SERIES}
    with OriginServer(tmp_path_factory.mktemp("origin")) as origin:
        origin.add(radiograph(**uids, sop_instance="1.1", values=RAMP, PatientName="Doe^Jane"))
        origin.add(radiograph(**uids, sop_instance="1.2", values=RAMP, photometric="MONOCHROME1"))
        colours = np.zeros((8, 8, 3), np.uint8)
        colours[:, :4] = (255, 0, 0)
        origin.add(radiograph(**uids, sop_instance="1.3", values=colours, photometric="RGB"))
        stack = np.stack([np.full((8, 8), each, np.uint8) for each in (0, 100, 200)])
        stack[:, :, 4:] = (250, 0, 120, 10)
        origin.add(
            radiograph(
                **uids,
                sop_instance="1.4",
                values=stack,
                frames=3,
                WindowCenter=128,
                WindowWidth=256,
            )
        )
        report = radiograph(study="1.2.5", series="1.2.5.1", sop_instance="1.5")
        del report.PixelData, report.Rows, report.Columns
        origin.add(report)
        yield origin


def picture(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def pixels(answer: Any) -> Any:
    return np.asarray(picture(answer)).astype(int)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("image/jpeg", "JPEG"), ("*/*", "JPEG"), ("image/png", "PNG"), ("image/*", "JPEG")],
)
def test_an_image_is_drawn(filled: OriginServer, accept: str, kind: str) -> None:
    found = picture(filled.get(at("1.1") + "/rendered", accept))
    assert (found.format, found.size, found.mode) == (kind, (64, 32), "L")


def test_a_window_is_of_the_stored_values(filled: OriginServer) -> None:
    found = pixels(filled.get(at("1.1") + "/rendered?window=2048,1024,linear-exact", "image/png"))
    assert found[0, 23] == 0
    assert found[0, 41] == 255
    assert abs(found[0, 32] - 128) <= 1
    inverse = pixels(filled.get(at("1.2") + "/rendered?window=2048,1024,linear-exact", "image/png"))
    np.testing.assert_allclose(inverse, 255 - found, atol=1)
    smooth = pixels(filled.get(at("1.1") + "/rendered?window=2048,1024,sigmoid", "image/png"))
    assert 0 < smooth[0, 23] < 64


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        ("32,32", (32, 16)),
        ("128,128", (128, 64)),
        ("10,1000", (10, 5)),
        ("16,16,0,0,32,32", (16, 16)),
    ],
)
def test_a_viewport_is_filled_in_proportion(
    filled: OriginServer, viewport: str, size: tuple[int, int]
) -> None:
    answer = filled.get(at("1.1") + f"/rendered?viewport={viewport}", "image/png")
    assert picture(answer).size == size


def test_a_region_is_cut_and_flipped(filled: OriginServer) -> None:
    path = at("1.1") + "/rendered?window=2048,4096,linear-exact&viewport=32,32,0,0,32,32"
    left = pixels(filled.get(path, "image/png"))
    assert left.max() < 130
    flipped = pixels(filled.get(path.replace("0,0,32,32", "0,0,-32,32"), "image/png"))
    np.testing.assert_array_equal(flipped, left[:, ::-1])


def test_quality_is_that_of_the_jpeg(filled: OriginServer) -> None:
    sizes = [
        len(filled.get(at("1.1") + f"/rendered?quality={each}", "image/jpeg").content)
        for each in (1, 50, 100)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_annotation_is_burned_in(filled: OriginServer) -> None:
    plain = pixels(filled.get(at("1.1") + "/rendered", "image/png"))
    marked = pixels(filled.get(at("1.1") + "/rendered?annotation=patient", "image/png"))
    assert (plain != marked).any()


def test_colours_are_shown(filled: OriginServer) -> None:
    found = pixels(filled.get(at("1.3") + "/rendered", "image/png"))
    assert found[0, 0].tolist() == [255, 0, 0]
    assert found[0, 7].tolist() == [0, 0, 0]


def test_frames_are_drawn(filled: OriginServer) -> None:
    assert pixels(filled.get(at("1.4") + "/frames/2/rendered", "image/png"))[0, 0] == 100
    parts = parts_of(filled.get(at("1.4") + "/frames/3,1/rendered", "image/png, */*"))
    shown = [np.asarray(Image.open(io.BytesIO(content)))[0, 0] for _, content in parts]
    assert shown == [200, 0]
    moving = picture(filled.get(at("1.4") + "/rendered", "image/gif"))
    assert getattr(moving, "n_frames", 1) == 3


def test_studies_and_series_are_drawn(filled: OriginServer) -> None:
    for path in (f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}"):
        parts = parts_of(filled.get(path + "/rendered", 'multipart/related; type="image/png"'))
        assert len(parts) == 6
        assert picture(filled.get(path + "/rendered", "image/jpeg")).format == "JPEG"


def test_thumbnails_are_small(filled: OriginServer) -> None:
    for path in (
        f"/studies/{STUDY}",
        f"/studies/{STUDY}/series/{SERIES}",
        at("1.1"),
        at("1.4") + "/frames/2",
    ):
        found = picture(filled.get(path + "/thumbnail"))
        assert max(found.size) == 128
        assert found.format == "JPEG"
    small = picture(filled.get(at("1.1") + "/thumbnail?viewport=20,20"))
    assert small.size == (20, 10)
    middle = pixels(filled.get(at("1.4") + "/thumbnail", "image/png"))
    assert middle[10, 10] == 100


def test_what_has_no_pixels_has_no_picture(filled: OriginServer) -> None:
    for resource in ("rendered", "thumbnail"):
        answer = filled.get(f"/studies/1.2.5/{resource}")
        assert answer.status_code == 406


def wado(origin: OriginServer, uid: str = "1.1", **parameters: str) -> Any:
    root = origin.url.removesuffix("/dicom-web")
    basic = {"requestType": "WADO", "studyUID": STUDY, "seriesUID": SERIES, "objectUID": uid}
    return origin.client.get(f"{root}/wado", params={**basic, **parameters})


def test_the_uri_service_draws_and_sends(filled: OriginServer) -> None:
    assert picture(wado(filled)).format == "JPEG"
    assert picture(wado(filled, contentType="image/png", columns="32")).size == (32, 16)
    assert picture(wado(filled, rows="8", columns="8")).size == (8, 4)
    assert picture(wado(filled, region="0,0,0.5,1")).size == (32, 32)
    windowed = pixels(
        wado(filled, contentType="image/png", windowCenter="2048", windowWidth="1024")
    )
    assert (windowed[0, 20], windowed[0, 50]) == (0, 255)
    assert pixels(wado(filled, "1.4", contentType="image/png", frameNumber="3"))[0, 0] == 200
    whole = wado(filled, contentType="application/dicom")
    assert pydicom.dcmread(io.BytesIO(whole.content)).SOPInstanceUID == "1.1"
    report = wado(filled, "1.5", studyUID="1.2.5", seriesUID="1.2.5.1")
    assert report.headers["content-type"].startswith("application/dicom")


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"requestType": "WORK"}, 400),
        ({"studyUID": ""}, 400),
        ({"studyUID": "x"}, 400),
        ({"objectUID": "9.9"}, 404),
        ({"frameNumber": "2"}, 404),
        ({"frameNumber": "0"}, 400),
        ({"windowCenter": "1"}, 400),
        ({"region": "0,0,2,1"}, 400),
        ({"region": "1,1,0,0"}, 400),
        ({"rows": "0"}, 400),
        ({"imageQuality": "101"}, 400),
        ({"contentType": "text/html"}, 406),
        ({"contentType": "application/dicom", "transferSyntax": "../.."}, 400),
    ],
)
def test_the_uri_service_refuses(
    filled: OriginServer, parameters: dict[str, str], status: int
) -> None:
    assert wado(filled, **parameters).status_code == status
