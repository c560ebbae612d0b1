"""Debian's Chromium as a person uses it, drawn in software, with all that it asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.browser import launched

_ARGUMENTS = [
    "--no-sandbox",
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
_PATIENCE = 120_000  # ms: two cores draw WebGL in software


@dataclass(slots=True)
class Seen:
    """A page, what its console complained of, and every address that it asked for."""

    page: Any
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def foreign(self, url: str) -> list[str]:
        """Return what was asked of another origin than that of `url`."""
        origin = urlsplit(url)[:2]
        return [
            each
            for each in self.asked
            if urlsplit(each)[:2] != origin and urlsplit(each).scheme not in ("blob", "data")
        ]

    def pixels(self, selector: str) -> NDArray[np.uint8] | None:
        """Return what an element looks like, (rows, columns, 3); None while it is not there."""
        # Its place, not the element: a page that draws itself anew replaces it meanwhile.
        box = self.page.evaluate(
            "name => document.querySelector(name)?.getBoundingClientRect().toJSON()", selector
        )
        if not box or not box["width"] or not box["height"]:
            return None
        clip = {name: box[name] for name in ("x", "y", "width", "height")}
        shot = self.page.screenshot(clip=clip)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser that draws WebGL; skips where there is none."""
    with launched(_ARGUMENTS) as browser:
        yield browser


@contextmanager
def seen_page(browser: Any) -> Iterator[Seen]:
    """Open an empty page that shares nothing with others."""
    context = browser.new_context(viewport=_SIZE)
    seen = Seen(context.new_page())
    seen.page.set_default_timeout(_PATIENCE)
    seen.page.on(
        "console", lambda said: seen.faults.append(said.text) if said.type == "error" else None
    )
    seen.page.on("pageerror", lambda error: seen.faults.append(str(error)))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    yield seen
    context.close()
