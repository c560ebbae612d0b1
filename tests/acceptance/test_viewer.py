"""OHIF in Chromium, from the reading list to source, overlay and report.

`SCREENSHOTS=folder` keeps what a person should look at now and then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from structured_reports.encoder import DicomResultEncoder
from tests.support.chromium import Seen, chromium, seen_page
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph
from tests.support.series import STUDY as SERIES_STUDY
from tests.support.series import segmented
from tests.support.servers import OrthancServer
from tests.support.sources import assessed
from wetread.settings import Settings
from wetread.web.viewer import viewer_url

THUMBNAILS = '[data-cy^="study-browser-thumbnail"]'
VIEWPORT = ".viewport-element"

pytestmark = pytest.mark.skipif(
    not (Settings.model_fields["viewer_folder"].default / "index.html").exists(),
    reason="OHIF is not there: make setup fetches it",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def seen(browser: Any) -> Iterator[Seen]:
    with seen_page(browser) as seen:
        yield seen


@pytest.fixture
def keep(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Seen, str], None]:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    test = request.node.name.removeprefix("test_")

    def keep(seen: Seen, name: str) -> None:
        seen.page.screenshot(path=folder / f"{test}-{name}.png")

    return keep


def spread(pixels: NDArray[np.uint8]) -> float:
    """How much the grey values of the middle vary, as a standard deviation."""
    rows, columns = pixels.shape[0] // 4, pixels.shape[1] // 4
    return float(pixels[rows:-rows, columns:-columns].mean(axis=2).std())


def colour(pixels: NDArray[np.uint8]) -> float:
    """The share of the middle's pixels that are no shade of grey."""
    rows, columns = pixels.shape[0] // 4, pixels.shape[1] // 4
    middle = pixels[rows:-rows, columns:-columns].astype(int)
    return float((np.ptp(middle, axis=2) > 40).mean())


def thumbnail(seen: Seen, text: str) -> None:
    seen.page.locator(THUMBNAILS, has_text=text).first.dblclick()


def shows(seen: Seen, what: str, drawn: Callable[[NDArray[np.uint8]], bool]) -> None:
    def look() -> bool:
        pixels = seen.pixels(VIEWPORT)
        return pixels is not None and drawn(pixels)

    # A look is a picture, drawn in software.
    wait_for(look, what, 90, 0.5)


def test_from_the_reading_list_to_source_overlay_and_report(
    make_node: Callable[..., Node],
    tmp_path: Path,
    seen: Seen,
    keep: Callable[[Seen, str], None],
) -> None:
    node = make_node()
    # A spacing of zero, as real images have it, once drew OHIF's viewport black.
    image = tmp_path / "image.dcm"
    source = radiograph(image, PixelSpacing=[0, 0])
    storescu([image], node.port, called="WETREAD")
    node.settle(1)
    page = seen.page

    page.goto(node.url)
    page.click("a.ohif")
    assert page.url == f"{node.url}{viewer_url(source.StudyInstanceUID)}"
    page.wait_for_selector(THUMBNAILS)
    shows(seen, "the source", lambda pixels: spread(pixels) > 20)
    keep(seen, "source")
    listed = [" ".join(each.split()) for each in page.locator(THUMBNAILS).all_inner_texts()]
    for part in ("CR", "AI overlay, not verified", "AI heat map, not verified", "AI report"):
        assert any(part in each for each in listed), listed

    panel = page.frame_locator('iframe[title="AI report"]')
    assert "Pneumonia" in panel.locator(".finding").inner_text()
    panel.locator("summary").click()
    assert "AI RESULT, NOT VERIFIED" in panel.locator("pre").inner_text()

    thumbnail(seen, "AI overlay")
    shows(seen, "the overlay", lambda pixels: colour(pixels) > 0.05)
    keep(seen, "overlay")

    # A map that OHIF cannot show must not keep it from what comes next.
    thumbnail(seen, "AI heat map")
    thumbnail(seen, "AI report")
    page.wait_for_selector(f"{VIEWPORT} svg >> text=Certainty of Finding")
    assert page.locator(f"{VIEWPORT} svg polyline").count() >= 1
    shows(seen, "the report's image", lambda pixels: colour(pixels) < 0.02 < spread(pixels))
    keep(seen, "report")

    assert seen.foreign(node.url) == []
    assert seen.faults == []


def test_a_report_that_nothing_was_assessed_is_read_as_text(
    make_node: Callable[..., Node],
    tmp_path: Path,
    seen: Seen,
    keep: Callable[[Seen, str], None],
) -> None:
    node = make_node(gate=True)  # what is drawn is no radiograph
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    node.settle(1)
    seen.page.goto(f"{node.url}/studies/{source.StudyInstanceUID}")
    seen.page.click("a.ohif")
    seen.page.wait_for_selector(THUMBNAILS)
    thumbnail(seen, "NOT ASSESSED")
    seen.page.wait_for_selector("text=Reason not assessed")
    keep(seen, "report")
    assert seen.faults == []
    assert seen.foreign(node.url) == []


def test_without_the_viewer_no_page_links_to_it(
    make_node: Callable[..., Node], tmp_path: Path, seen: Seen
) -> None:
    node = make_node(viewer_folder=str(tmp_path / "none"))
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    node.settle(1)
    for path in ("/", f"/studies/{source.StudyInstanceUID}"):
        seen.page.goto(f"{node.url}{path}")
        assert seen.page.locator("a.ohif").count() == 0
    seen.page.goto(f"{node.url}{viewer_url(source.StudyInstanceUID)}")
    assert "make setup" in seen.page.inner_text("main")


def test_the_same_study_in_orthanc_and_a_segmentation(
    make_node: Callable[..., Node],
    orthanc_server: OrthancServer,
    tmp_path: Path,
    seen: Seen,
    keep: Callable[[Seen, str], None],
) -> None:
    node = make_node(
        orthanc=[
            {
                "name": "pacs",
                "url": orthanc_server.url,
                "follow": False,
                "viewer_root": "/dicom-web/",
            }
        ]
    )
    source = radiograph(tmp_path / "image.dcm")
    storescu([tmp_path / "image.dcm"], orthanc_server.dicom_port, called="ORTHANC")
    storescu([tmp_path / "image.dcm"], node.port, called="WETREAD")
    storescu(_segmented_series(tmp_path), orthanc_server.dicom_port, called="ORTHANC")
    node.settle(1)
    page = seen.page

    page.goto(f"{node.url}{viewer_url(source.StudyInstanceUID, 'pacs')}")
    page.wait_for_selector(THUMBNAILS)
    shows(seen, "the source", lambda pixels: spread(pixels) > 20)
    thumbnail(seen, "AI overlay")
    shows(seen, "the overlay", lambda pixels: colour(pixels) > 0.05)
    thumbnail(seen, "AI report")
    page.wait_for_selector(f"{VIEWPORT} svg >> text=Certainty of Finding")
    keep(seen, "report")
    panel = page.frame_locator('iframe[title="AI report"]')
    assert "Pneumonia" in panel.locator(".finding").inner_text()

    page.goto(f"{node.url}{viewer_url(SERIES_STUDY, 'pacs')}")
    page.wait_for_selector(THUMBNAILS)
    shows(seen, "a slice", lambda pixels: spread(pixels) > 20)
    thumbnail(seen, "SEG")
    shows(seen, "the segments", lambda pixels: colour(pixels) > 0.005)
    keep(seen, "segmentation")
    thumbnail(seen, "AI overlay")
    page.wait_for_selector("text=(1/3)")
    keep(seen, "overlay-of-a-series")

    assert not [each for each in seen.asked if "/viewer/dicom-web/" in each]
    assert seen.foreign(node.url) == []
    assert seen.faults == []


def _segmented_series(folder: Path) -> list[Path]:
    """Write a CT Series and what a segmenting model says of it; return the files."""
    evidence, findings, manifest = segmented(folder / "ct")
    encoder = DicomResultEncoder(software_version="1.0.0")
    result = assessed(evidence[0].instance, findings)
    files = [each.part10 for each in evidence]
    for number, each in enumerate(encoder.encode(result, manifest, evidence, None)):
        path = folder / f"result-{number}.dcm"
        path.write_bytes(each.part10)
        files.append(path)
    return files
