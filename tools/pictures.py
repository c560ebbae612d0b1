"""Draw the manual's pictures of what people see: the demo's studies, in Debian's Chromium.

    python -m tools.pictures

Writes docs/images/{reading-list,study,viewer}.png. The images are pydicom-data's (MIT).
"""

from __future__ import annotations

import io
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from wetread.demo import Demo

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
_PATIENCE = 120_000  # ms: without a GPU a viewer takes its time
_DRAWN = 60_000  # ms: so long, where everything else runs too
_COLOURS = 256
_ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Demo(Path(folder) / "demo") as demo:
        for step in (demo.start, demo.send, demo.wait):
            deque(step(), maxlen=0)
        viewer = next(row.viewer for row in demo.rows() if row.overlay_uid)
        if not viewer:
            raise SystemExit("OHIF is not there: make setup fetches it")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=_ARGUMENTS
            )
            for name, shot in _shots(browser, demo.address, viewer):
                picture = Image.open(io.BytesIO(shot)).convert("RGB")
                picture.quantize(_COLOURS).save(_FOLDER / f"{name}.png", optimize=True)
                print(_FOLDER / f"{name}.png")
            browser.close()


def _shots(browser: Browser, node: str, viewer: str) -> Iterator[tuple[str, bytes]]:
    page = _page(browser, 1280, 560)
    page.goto(node, wait_until="networkidle")
    yield "reading-list", page.screenshot()
    page = _page(browser, 1280, 800)
    page.goto(node, wait_until="networkidle")
    page.locator("#list tbody tr", has_text="undetermined").first.locator("a").first.click()
    page.wait_for_load_state("networkidle")
    yield "study", page.screenshot()
    page.goto(viewer)
    # OHIF gives an image that is opened before the first is drawn the first one's window.
    page.wait_for_timeout(_DRAWN // 2)
    page.locator('[data-cy^="study-browser-thumbnail"]', has_text="AI overlay").dblclick()
    page.wait_for_timeout(_DRAWN)
    yield "viewer", page.screenshot()


def _page(browser: Browser, width: int, height: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    page.set_default_timeout(_PATIENCE)
    return page


if __name__ == "__main__":
    main()
