"""The reading list hears of what is new, in a real browser.

Needs Debian's Chromium and Python's playwright; skipped where they are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contracts.repositories import make_instance
from tests.support.browser import browser_page
from tests.support.dcmtk import storescu
from tests.support.node import Node
from tests.support.programs import wait_for
from tests.support.radiographs import radiograph
from tests.support.site import Site
from wetread.bootstrap import Stores, open_stores
from wetread.settings import Settings

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ICON = {"body": "<svg xmlns='http://www.w3.org/2000/svg'/>", "content_type": "image/svg+xml"}
EVENTS = "**/api/v1/events*"
_LISTEN = """
window.EventSource = class extends EventSource {
  constructor(url) {
    super(url)
    this.addEventListener("study.received", (event) => { window.heard = Number(event.lastEventId) })
  }
}"""
_HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true })
  document.dispatchEvent(new Event("visibilitychange"))
}"""
_PLACES = """() => ({
  focused: document.activeElement.closest("tr")?.dataset.uid,
  top: document.activeElement.getBoundingClientRect().top,
  scrolled: scrollY > 0,
  marked: getSelection().toString(),
})"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        yield site


def receive(stores: Stores, *numbers: int) -> None:
    """Studies that come in, and are not stable for an hour."""
    for number in numbers:
        study = f"1.2.{number}"
        instance = make_instance(f"{study}.1", study=study, patient_name=f"Doe^{number}")
        stores.index.add(instance, datetime.now(UTC), timedelta(hours=1))


class List:
    """The list on a page: what it shows, and how often it looked."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.looks = 0
        page.on("request", self._count)
        page.add_init_script(_LISTEN)
        page.route("**/thumbnail", lambda route: route.fulfill(**ICON))

    def _count(self, request: Any) -> None:
        self.looks += request.method == "POST" and request.resource_type == "fetch"

    def open(self, url: str) -> None:
        # A list that follows has its stream when it is there.
        with self.page.expect_response(EVENTS):
            self.page.goto(url)

    def freeze(self) -> None:
        """Let time stand still, but for `pass_`."""
        self.page.clock.install(time=NOON)
        self.page.clock.pause_at(NOON + timedelta(seconds=1))

    def pass_(self, seconds: float) -> None:
        self.page.clock.run_for(round(seconds * 1000))

    def counts(self, studies: int) -> None:
        self.page.wait_for_selector(f".lead:has-text('{studies} studies')")

    def shows(self, number: int) -> None:
        self.page.wait_for_selector(f"tr[data-uid='1.2.{number}']")

    def hear(self, number: int) -> None:
        """Return when the list has heard of this event."""
        self.page.wait_for_function("number => window.heard >= number", arg=number)

    def hide(self, hidden: bool) -> None:
        self.page.evaluate(_HIDE, hidden)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with browser_page(browser) as page:
        yield page


def test_the_list_shows_what_comes_in_without_asking(
    make_node: Callable[..., Node], page: Any, tmp_path: Path
) -> None:
    node = make_node()
    page.add_init_script("window.setInterval = () => 0")  # so nothing is looked at by the clock
    shown = List(page)
    shown.open(node.url)
    assert page.is_visible(".empty")
    source = radiograph(tmp_path / "a.dcm")
    storescu([tmp_path / "a.dcm"], node.port, called="WETREAD")
    row = f"tr[data-uid='{source.StudyInstanceUID}']"
    page.wait_for_selector(row)
    (study,) = node.settle(1)["studies"]
    page.wait_for_selector(f"{row} .result .finding")
    page.wait_for_selector(".lead:has-text('1 studies, 0 being read, 0 to deliver')")
    httpx.post(
        f"{node.url}/api/v1/results/{study['jobs'][0]['job']}/reviews",
        json={"verdict": "agree", "finding": 1, "reviewer": {"id": "ann"}},
        trust_env=False,
        timeout=60,
    ).raise_for_status()
    page.wait_for_selector(f"{row} .verdict:has-text('agree')")


def test_two_hundred_studies_at_once_are_one_look(site: Site, page: Any) -> None:
    shown = List(page)
    shown.freeze()
    shown.open(site.url)
    receive(site.stores, *range(1, 201))
    shown.hear(200)
    assert shown.looks == 0
    shown.pass_(0.3)
    shown.counts(200)
    assert shown.looks == 1
    # What comes right after waits, and what was shown by then is not looked at again.
    receive(site.stores, 201, 202)
    shown.hear(202)
    shown.pass_(2)
    assert shown.looks == 1
    shown.pass_(1)
    shown.counts(202)
    shown.pass_(5)
    assert shown.looks == 2


def test_a_list_in_which_nothing_happens_asks_for_nothing(site: Site, page: Any) -> None:
    receive(site.stores, 1)
    shown = List(page)
    shown.freeze()
    shown.open(site.url)
    shown.pass_(60)
    page.wait_for_selector(".waits:has-text('1 min')")
    # A stream that is silent may be dead, so it is renewed.
    with page.expect_response(EVENTS):
        shown.pass_(10)
    assert shown.looks == 0
    receive(site.stores, 2)
    shown.hear(2)
    shown.pass_(0.3)
    shown.shows(2)


def test_focus_marks_and_place_stay_while_studies_come_in(site: Site, page: Any) -> None:
    receive(site.stores, *range(1, 41))
    shown = List(page)
    shown.open(site.url)
    page.select_option("[name=order]", "newest")
    page.wait_for_selector("tbody tr:first-child[data-uid='1.2.40']")
    page.fill("[name=text]", "half a na")  # typed, and not yet asked for
    page.locator("[name=text]").blur()
    for _ in range(20):
        page.keyboard.press("j")
    page.evaluate("getSelection().selectAllChildren(document.activeElement.closest('td'))")
    before = page.evaluate(_PLACES)
    assert before["focused"] == "1.2.21"
    assert "Doe, 21" in before["marked"]
    assert before["scrolled"]
    receive(site.stores, 41, 42, 43)
    shown.shows(43)
    after = page.evaluate(_PLACES)
    assert abs(after.pop("top") - before.pop("top")) <= 1
    assert after == before
    assert page.input_value("[name=text]") == "half a na"
    page.keyboard.press("j")
    assert page.evaluate(_PLACES)["focused"] == "1.2.20"


def test_where_a_row_is_gone_the_keys_go_on_from_there(site: Site, page: Any) -> None:
    receive(site.stores, *range(1, 52))
    shown = List(page)
    shown.open(site.url)
    page.select_option("[name=order]", "newest")
    page.wait_for_selector("tbody tr:first-child[data-uid='1.2.51']")
    page.locator("tbody .open").last.focus()
    assert page.evaluate(_PLACES)["focused"] == "1.2.2"
    receive(site.stores, 52)  # and the last row goes to the next page
    shown.shows(52)
    page.keyboard.press("k")
    assert page.evaluate(_PLACES)["focused"] == "1.2.4"
    assert page.inner_text(".pages span") == "1 to 50 of 52"


@pytest.fixture
def refused(browser: Any) -> Iterator[Any]:
    with browser_page(browser, expected=("503", "net::ERR")) as page:
        yield page


def test_where_the_stream_is_refused_the_list_looks_by_the_clock(site: Site, refused: Any) -> None:
    refused.route(EVENTS, lambda route: route.fulfill(status=503))
    shown = List(refused)
    shown.freeze()
    shown.open(site.url)
    receive(site.stores, 1)
    shown.pass_(10)
    shown.shows(1)
    receive(site.stores, 2)
    shown.pass_(10)
    shown.shows(2)
    refused.unroute(EVENTS)
    with refused.expect_response(EVENTS):
        shown.pass_(10)
    looks = wait_for(lambda: shown.looks, "looked")
    receive(site.stores, 3)
    shown.hear(3)
    shown.pass_(3)
    shown.shows(3)
    assert shown.looks > looks


def test_a_list_outlives_its_node(make_node: Callable[..., Node], refused: Any) -> None:
    node = make_node()
    with closing(open_stores(Settings(home=node.home))) as stores:
        shown = List(refused)
        shown.open(node.url)
        node.kill()
        receive(stores, 1)
        node.start()
        shown.shows(1)
        receive(stores, 2)
        shown.shows(2)


def test_tabs_that_nobody_sees_take_no_connection_from_the_one_that_is_seen(
    site: Site, page: Any
) -> None:
    receive(site.stores, 1)
    context = page.context.browser.new_context()
    tabs = [List(context.new_page()) for _ in range(8)]
    for each in tabs:
        each.open(site.url)
        each.hide(True)
    seen = List(context.new_page())
    seen.open(site.url)
    receive(site.stores, 2)
    seen.shows(2)
    assert [each.looks for each in tabs] == [0] * 8
    tabs[0].hide(False)
    tabs[0].shows(2)
    context.close()
