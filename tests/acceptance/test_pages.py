"""The pages in a real browser: read, opened, answered and replayed by keyboard alone.

Needs Debian's Chromium and Python's playwright (`pip install playwright`, without its browsers);
neither is a dependency, so it is skipped where they are missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.radiographs import radiograph

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # ms


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that fails the test when its console has an error."""
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError:
        pytest.skip("playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    faults: list[str] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page(color_scheme=request.param, viewport={"width": 1024, "height": 768})
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        browser.close()
    assert faults == []


def test_a_study_is_read_by_keyboard(
    make_node: Callable[..., Node], tmp_path: Path, page: Any
) -> None:
    node = make_node()
    image = tmp_path / "image.dcm"
    source = radiograph(image)
    storescu([image], node.port, called="WETREAD")
    node.settle(1)

    page.goto(node.url, wait_until="networkidle")
    page.keyboard.press("/")
    page.keyboard.type(str(source.PatientID))
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_selector("#list .open")
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
    assert "not assessable" in page.inner_text(".reviews")
    assert "ann" in page.inner_text(".reviews")

    page.focus("#tags summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("patientid")
    page.wait_for_selector("#tags tbody tr")
    assert str(source.PatientID) in page.inner_text("#tags tbody")

    page.goto(f"{node.url}/operations", wait_until="networkidle")
    assert page.locator(".chart").count() == 1
