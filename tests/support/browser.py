"""Debian's Chromium, driven by playwright."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / ".web" / "axe-core" / "axe.min.js"
SIZES = {"desktop": (1280, 800), "tablet": (820, 1180), "phone": (390, 844)}  # pixels
PATIENCE = 30_000  # ms
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_LOOK = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] })
  return violations.flatMap((rule) => rule.nodes.map((node) => {
    const why = node.any.concat(node.all, node.none).map((each) => each.message).join("; ")
    return `${rule.id}: ${node.html.slice(0, 160)} (${why.slice(0, 200)})`
  }))
}"""


@contextmanager
def launched(arguments: Sequence[str] = _ARGUMENTS) -> Iterator[Any]:
    """Start a browser; skips where there is none."""
    try:
        playwright = importlib.import_module("playwright.sync_api")
    except ImportError:
        pytest.skip("playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=[*arguments])
        yield browser
        browser.close()


@contextmanager
def browser_page(
    browser: Any, scheme: str = "light", size: str = "desktop", **options: Any
) -> Iterator[Any]:
    """Open a page that shares nothing with other pages, and fails if its console had an error.

    Answers of 4xx and 5xx count as errors there, too; `expected` names those that do not.
    """
    expected = options.pop("expected", ())
    faults: list[str] = []
    context = browser.new_context(color_scheme=scheme, viewport=viewport(size), **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert [each for each in faults if not any(word in each for word in expected)] == []


def viewport(size: str) -> dict[str, int]:
    return dict(zip(("width", "height"), SIZES[size], strict=True))


def violations(page: Any) -> list[str]:
    """Return what every rule of axe-core, best practices among them, finds on the page."""
    if not AXE.exists():
        pytest.skip("axe-core is not there: `make setup` fetches it")
    if not page.evaluate("() => Boolean(window.axe)"):
        page.add_script_tag(path=str(AXE))
    found = page.evaluate(_LOOK)
    return [str(each) for each in found]
