"""The pages in a real browser: read, opened, answered and replayed by keyboard alone.

Needs Debian's Chromium and Python's playwright; skipped where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.support.browser import browser_page
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import radiograph
from tests.support.readings import FINDINGS, fill
from tests.support.site import Site

MANY = 10_000  # Studies


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node to which each test adds studies of patients of its own."""
    with Node(tmp_path_factory.mktemp("pages"), quiet_seconds=3) as node:
        yield node


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A page that fails the test when its console has an error."""
    with browser_page(browser, request.param, "tablet") as page:
        yield page


@pytest.fixture
def desk(browser: Any) -> Iterator[Any]:
    with browser_page(browser) as page:
        yield page


def test_a_study_is_read_by_keyboard(node: Node, tmp_path: Path, page: Any) -> None:
    image = tmp_path / "image.dcm"
    source = radiograph(image, PatientID=generate_uid()[-12:])
    storescu([image], node.port, called="WETREAD")
    node.settle(1)

    page.goto(node.url, wait_until="networkidle")
    page.keyboard.press("/")
    page.keyboard.type(str(source.PatientID))
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_selector("#list tbody tr:only-child .open")
    assert page.url == f"{node.url}/"
    assert page.locator("#list tbody tr").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/studies/{source.StudyInstanceUID}")
    page.wait_for_load_state("networkidle")
    shown = "each => each.naturalWidth > 0"
    for pane in ("source", "overlay"):
        assert page.locator(f"[data-pane={pane}] img").evaluate(shown)
    for mode in ("source", "overlay", "beside"):
        page.keyboard.press("o")
        assert page.get_attribute("#viewer", "data-mode") == mode
    page.keyboard.press("i")
    page.keyboard.press("+")
    page.keyboard.press("r")
    assert "invert" in (page.get_attribute("[data-pane=source] img", "style") or "")

    page.keyboard.press("n")
    page.keyboard.type("ann")
    page.keyboard.press("Enter")
    page.wait_for_selector(".said.done")
    page.wait_for_selector(".reviews li")
    assert "not assessable" in page.inner_text(".reviews")
    assert "ann" in page.inner_text(".reviews")
    page.click(".reviews summary")
    assert "REVIEW OF AN AI RESULT, NOT VERIFIED" in page.inner_text(".reviews pre")

    page.focus("#tags summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("patientid")
    page.wait_for_selector("#tags tbody tr")
    assert str(source.PatientID) in page.inner_text("#tags tbody")

    page.focus("#help")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/operations")
    page.wait_for_selector(".chart")


@pytest.mark.shared
def test_a_series_is_scrolled(node: Node, shared_data: Path, desk: Any) -> None:
    files = sorted((shared_data / "ct-chest-series").rglob("*.dcm"))
    study = str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
    storescu(files, node.port, called="WETREAD")
    node.settle(1)
    asked: set[str] = set()
    desk.on("request", lambda request: asked.add(request.url))
    desk.goto(f"{node.url}/studies/{study}", wait_until="networkidle")
    where, image = ".slider output", "[data-pane=source] img"
    # More slices are there than anybody has asked for, and one that carries the finding is shown.
    assert sum("/rendered" in each for each in asked) > 10
    assert desk.inner_text(where).endswith("●")
    carriers = desk.locator(".keyed button")
    assert carriers.count() == 3
    desk.keyboard.press("Home")
    assert desk.inner_text(where).startswith("1 /")
    desk.keyboard.press("i")
    desk.keyboard.press("r")
    desk.keyboard.press("+")
    box = desk.locator("[data-pane=source]").bounding_box()
    desk.mouse.move(box["x"] + 90, box["y"] + 90)
    desk.mouse.down()
    desk.mouse.move(box["x"] + 150, box["y"] + 60, steps=5)
    desk.mouse.up()
    desk.wait_for_selector(f"{image}[src*='window=']")
    caption = desk.inner_text("[data-pane=source] .right")
    style = desk.get_attribute(image, "style")
    desk.mouse.wheel(0, 100)
    desk.keyboard.press("ArrowDown")
    desk.wait_for_selector(f"{image}[alt^='Image 3 ']")
    # Window, turn, size and colours stay while one scrolls.
    assert desk.inner_text("[data-pane=source] .right") == caption
    assert "invert" in style
    assert desk.get_attribute(image, "style") == style
    desk.locator(".slider input").fill("7")
    assert desk.inner_text(where).startswith("7 /")
    slice_number = carriers.first.inner_text().split(",")[0].removeprefix("slice ").strip()
    carriers.first.click()
    assert desk.inner_text(where).startswith(f"{slice_number} /")
    assert desk.inner_text(where).endswith("●")
    desk.keyboard.press("f")
    assert desk.inner_text(where).endswith("●")


@pytest.fixture
def uploader(browser: Any) -> Iterator[Any]:
    # What is refused is a 422, and Chromium calls that an error.
    with browser_page(browser, expected=("422",)) as page:
        yield page


def test_files_are_uploaded(node: Node, tmp_path: Path, uploader: Any) -> None:
    desk = uploader
    dicom = radiograph(tmp_path / "image.dcm", PatientID="P-87")
    desk.goto(f"{node.url}/upload", wait_until="networkidle")
    # A picture out of the browser itself
    picture = tmp_path / "picture.png"
    desk.locator("#drop").screenshot(path=str(picture))
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7 no image")
    names = ("image.dcm", "picture.png", "letter.pdf")
    desk.set_input_files("#chooser", [str(tmp_path / each) for each in names])
    desk.click("#send")
    assert "needs a patient ID" in desk.inner_text("#said")
    desk.keyboard.type("P-88")
    desk.fill("[name=family]", "Grünwald")
    desk.select_option("[name=body_part]", "HAND")
    desk.select_option("[name=laterality]", "L")
    desk.select_option("[name=modality]", "OT")
    desk.keyboard.press("Enter")
    for number, became in enumerate(("good", "good", "bad"), start=1):
        desk.wait_for_selector(f"#files li:nth-child({number}).{became}")
    said = desk.locator("#files li").all_inner_texts()
    assert ["stored" in each for each in said] == [True, True, False]
    assert "neither a PNG nor a JPEG" in said[2]
    desk.wait_for_selector("#said:has-text('2 of 3 stored, 2 studies; 1 failed')")
    links = [each.get_attribute("href") for each in desk.locator("#files a").all()]
    assert links[0] == f"/studies/{dicom.StudyInstanceUID}"
    node.settle(2)
    desk.locator("#files a").nth(1).click()
    desk.wait_for_url(f"**{links[1]}")
    assert desk.inner_text("h1") == "Grünwald"
    assert "P-88" in desk.inner_text(".patient")


def test_files_are_dropped(node: Node, desk: Any) -> None:
    desk.goto(f"{node.url}/upload", wait_until="networkidle")
    dropped = desk.evaluate_handle(
        """() => {
          const what = new DataTransfer()
          for (const name of ["one.txt", "two.txt"]) what.items.add(new File(["no image"], name))
          return what
        }"""
    )
    desk.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    desk.wait_for_selector("#files li:nth-child(2)")
    assert desk.inner_text("#send") == "Upload 2 files"


def test_ten_thousand_studies_are_paged(tmp_path: Path, desk: Any) -> None:
    with Site(tmp_path / "site") as site:
        fill(site.stores.database, MANY, findings=2)
        # They have no images.
        icon = {
            "body": "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "content_type": "image/svg+xml",
        }
        desk.route("**/thumbnail", lambda route: route.fulfill(**icon))
        desk.goto(site.url, wait_until="networkidle")
        assert f"{MANY} studies" in desk.inner_text(".lead")
        assert f"1 to 50 of {MANY}" in desk.inner_text(".pages")
        desk.click(".pages button")
        desk.wait_for_selector(".pages .muted:has-text('51 to 100')")
        assert desk.url == f"{site.url}/"
        desk.select_option("[name=finding]", FINDINGS[1])
        desk.select_option("[name=standing]", "present")
        desk.wait_for_selector(f".pages .muted:not(:has-text('{MANY}'))")
        for each in desk.locator(".list .result").all_inner_texts():
            assert FINDINGS[1] in each
        desk.goto(f"{site.url}/?page={MANY // 50}", wait_until="networkidle")
        assert f"{MANY - 49} to {MANY} of {MANY}" in desk.inner_text(".pages")
        desk.goto("about:blank")  # a list that follows complains of a server that is gone
