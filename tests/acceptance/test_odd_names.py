"""What a header may hold and a page has to bear, in a real browser.

Needs Debian's Chromium and Python's playwright; skipped where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.repositories import make_instance
from tests.support.browser import SIZES, browser_page, viewport
from tests.support.site import Site

ICON = {"body": "<svg xmlns='http://www.w3.org/2000/svg'/>", "content_type": "image/svg+xml"}
# Where the first and the last character of a text stand, from the left.
_ENDS = """text => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(text)
    if (at < 0) continue
    return [at, at + text.length - 1].map((each) => {
      const range = document.createRange()
      range.setStart(walker.currentNode, each)
      range.setEnd(walker.currentNode, each + 1)
      return range.getBoundingClientRect().left
    })
  }
}"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        yield site


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with browser_page(browser, expected=("404", "410")) as page:
        page.route("**/thumbnail", lambda route: route.fulfill(**ICON))
        yield page


def receive(site: Site, **attributes: str) -> None:
    instance = make_instance("1.2.1.1", study="1.2", **attributes)
    site.stores.index.add(instance, datetime.now(UTC), timedelta(hours=1))


def test_words_without_an_end_push_nothing_off_the_screen(site: Site, page: Any) -> None:
    receive(
        site,
        patient_name="W" * 64,
        patient_id="0123456789abcdef" * 4,  # a SHA-256, as pseudonyms often are
        study_description="Y" * 64,
        accession_number="A" * 16,
    )
    for path in ("/", "/studies/1.2"):
        page.goto(f"{site.url}{path}", wait_until="domcontentloaded")
        for size in SIZES:
            page.set_viewport_size(viewport(size))
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, size)


@pytest.mark.parametrize(
    "attributes",
    [
        {"patient_name": "الاسم", "patient_id": "\u202e1234", "study_description": "الصدر"},
        {"patient_name": "כהן^דוד", "patient_id": "\u2067מ", "study_description": "\u202eחזה"},
    ],
    ids=["Arabic", "Hebrew"],
)
def test_text_from_right_to_left_turns_no_date_round(
    site: Site, page: Any, attributes: dict[str, str]
) -> None:
    dates = {"patient_birth_date": "20200110", "study_date": "20240301"}
    receive(site, **attributes, **dates)
    for path, texts in (
        ("/", ("2024-03-01",)),
        ("/studies/1.2", ("2020-01-10", "2024-03-01")),
    ):
        page.goto(f"{site.url}{path}", wait_until="domcontentloaded")
        for text in texts:
            first, last = page.evaluate(_ENDS, text)
            assert first < last, (path, text)
