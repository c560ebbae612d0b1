"""Draw docs/images/viewer.png: the demo's chest radiograph in OHIF, beside what was found.

    python -m tools.viewer_picture

Runs the demo in a folder of its own, and Debian's Chromium. The radiograph is pydicom-data's (MIT).
"""

from __future__ import annotations

import io
import tempfile
from collections import deque
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from wetread.demo import Demo

_PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "viewer.png"
_SIZE = {"width": 1200, "height": 760}  # pixels
_PATIENCE = 120_000  # ms: without a GPU a viewer takes its time
_DRAWN = 60_000  # ms: so long, where everything else runs too
_COLOURS = 128
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
        address = next(row.viewer for row in demo.rows() if row.overlay_uid)
        if not address:
            raise SystemExit("OHIF is not there: make setup fetches it")
        picture = Image.open(io.BytesIO(_shot(address))).convert("RGB")
    picture.quantize(_COLOURS).save(_PICTURE, optimize=True)
    print(_PICTURE)


def _shot(address: str) -> bytes:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        page = browser.new_page(viewport=_SIZE)
        page.set_default_timeout(_PATIENCE)
        page.goto(address)
        page.locator('[data-cy^="study-browser-thumbnail"]', has_text="AI overlay").dblclick()
        page.wait_for_timeout(_DRAWN)
        shot = page.screenshot()
        browser.close()
    return shot


if __name__ == "__main__":
    main()
