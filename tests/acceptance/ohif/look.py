"""Open a study in OHIF in a real Chromium, show each of its Series, and take pictures.

    python -m venv /tmp/look && /tmp/look/bin/pip install playwright   # no browser download
    /tmp/look/bin/python tests/acceptance/ohif/look.py http://127.0.0.1:3001 OUT UID [UID ...]

Start `serve.py` first. Writes OUT/<n>-<series>.png, in the order of the study browser, and
OUT/<n>.txt with the text of the page and what the browser's console complained about. A
person, or a test, then looks at them. Chromium is Debian's, drawn in software.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SIZE = {"width": 1500, "height": 950}  # pixels
_PATIENCE = 90_000  # ms: two cores draw WebGL in software
_SETTLE = 6_000  # ms
_THUMBNAILS = '[data-cy^="study-browser-thumbnail"]'


def look(page: Page, base: str, study: str, out: Path, number: int) -> None:
    said: list[str] = []
    page.on(
        "console",
        lambda message: said.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{base}/viewer?StudyInstanceUIDs={study}", timeout=_PATIENCE)
    page.wait_for_selector(_THUMBNAILS, timeout=_PATIENCE)
    page.wait_for_timeout(_SETTLE)
    # OHIF greets a new browser with a tour that swallows every click.
    # The body gets a class of the tour too: to hide all of them would hide the page.
    page.add_style_tag(
        content=".shepherd-element, .shepherd-modal-overlay-container { display: none !important }"
    )
    page.screenshot(path=out / f"{number}-first.png")
    texts: list[str] = []
    thumbnails = page.locator(_THUMBNAILS)
    for index in range(thumbnails.count()):
        thumbnails.nth(index).dblclick()
        page.wait_for_timeout(_SETTLE)
        page.screenshot(path=out / f"{number}-{index}.png")
        texts.append(page.inner_text("body"))
    body = f"\n{'=' * 20}\n".join(texts)
    (out / f"{number}.txt").write_text(body + "\n--- console\n" + "\n".join(said))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("base")
    parser.add_argument("out", type=Path)
    parser.add_argument("study", nargs="+")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=_CHROMIUM, headless=True, args=_ARGUMENTS, viewport=_SIZE
        )
        for number, study in enumerate(arguments.study):
            page = context.new_page()
            look(page, arguments.base, study, arguments.out, number)
            page.close()
        context.close()


if __name__ == "__main__":
    main()
