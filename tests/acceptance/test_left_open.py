"""Pages that are left open while the node goes on, or goes away, in a real browser.

Needs Debian's Chromium and Python's playwright; skipped where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inference.domain.finding import Presence
from inference.domain.review import Review, Reviewer, Verdict
from tests.contracts.reading import said
from tests.contracts.repositories import LEASE, at, make_instance, make_object, make_request
from tests.support.browser import browser_page
from tests.support.site import Site

ICON = {"body": "<svg xmlns='http://www.w3.org/2000/svg'/>", "content_type": "image/svg+xml"}
EVENTS = "**/api/v1/events*"
STUDY = "1.2"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site") as site:
        yield site


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with browser_page(browser, expected=("status of", "ERR_FAILED")) as page:
        page.route("**/thumbnail", lambda route: route.fulfill(**ICON))
        yield page


def receive(site: Site, study: str = STUDY) -> None:
    instance = make_instance(f"{study}.1.1", study=study)
    site.stores.index.add(instance, datetime.now(UTC), timedelta(hours=1))


def read(site: Site, revision: int, presence: Presence) -> int:
    """End a job of the Study with a finding; return its number."""
    result = said(presence, revision=revision)
    request = make_request(study_instance_uid=STUDY, model=result.model, revision=revision)
    site.stores.queue.enqueue([request], at(revision))
    lease = site.stores.queue.claim("w", at(revision), LEASE)
    assert lease is not None
    site.stores.results.record(lease, replace(result, study_instance_uid=STUDY, objects=()), [])
    return lease.job.job_id


def follow(page: Any, url: str) -> None:
    """Open a page that has its stream of events when this returns."""
    with page.expect_response(EVENTS):
        page.goto(url)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda route: route.abort(), "the node does not answer"),
        (lambda route: route.fulfill(status=503), "the node does not answer"),
        (lambda route: route.fulfill(status=403), "the node answers with 403"),
        (lambda route: route.fulfill(body="<form>Log in</form>"), "who answers is not the node"),
    ],
    ids=["away", "failing", "refusing", "another"],
)
def test_a_list_that_cannot_be_had_anew_says_so_until_it_can(
    site: Site, page: Any, answer: Any, says: str
) -> None:
    receive(site)
    follow(page, site.url)
    page.route(f"{site.url}/", answer)
    receive(site, "1.3")
    page.wait_for_selector(f"#stale:has-text('Not current: {says}')")
    assert page.locator("tbody tr").count() == 1
    page.unroute(f"{site.url}/")
    page.wait_for_selector("tr[data-uid='1.3']")  # it looks again by itself, and the stream is open
    assert page.inner_text("#stale") == ""


def test_a_page_of_a_study_says_that_a_result_has_come(site: Site, page: Any) -> None:
    receive(site)
    follow(page, f"{site.url}/studies/{STUDY}")
    assert "No result yet" in page.inner_text(".answers")
    assert not page.is_visible("#news p")
    read(site, 1, Presence.PRESENT)
    page.click("#news a")
    page.wait_for_selector(".answers .finding .present")
    assert not page.is_visible("#news p")


def test_a_review_of_a_result_that_was_replaced_meanwhile_is_told_so(site: Site, page: Any) -> None:
    receive(site)
    first = read(site, 1, Presence.PRESENT)
    page.route(EVENTS, lambda route: route.abort())
    page.route(f"**/results/{first}/reviews", lambda route: route.fulfill(status=201, json={}))
    page.goto(f"{site.url}/studies/{STUDY}")
    page.keyboard.press("a")
    page.keyboard.type("ann")
    read(site, 2, Presence.ABSENT)
    page.keyboard.press("Enter")
    page.wait_for_selector(".said.done:has-text('of a result that is not the last')")


def test_who_clicks_twice_says_it_once(site: Site, page: Any) -> None:
    receive(site)
    job = read(site, 1, Presence.PRESENT)
    posted: list[str] = []

    def answer(route: Any) -> None:
        posted.append(route.request.post_data)
        route.fulfill(status=201 if len(posted) == 1 else 200, json={})

    page.route(f"**/results/{job}/reviews", answer)
    page.goto(f"{site.url}/studies/{STUDY}")
    page.keyboard.press("a")
    page.fill("[name=reviewer]", "ann")
    page.dblclick(".review .main")
    page.wait_for_selector(".said.done:has-text('recorded')")
    assert len(posted) == 1


def test_a_picture_that_cannot_be_had_is_not_black_in_silence(site: Site, page: Any) -> None:
    instance = make_instance(f"{STUDY}.1.1", study=STUDY, rows=8, columns=8)
    site.stores.index.add(instance, datetime.now(UTC), timedelta(hours=1))
    page.route("**/rendered*", lambda route: route.abort())
    page.goto(f"{site.url}/studies/{STUDY}")
    page.wait_for_selector(".cannot:has-text('No picture: the node does not answer')")
    page.unroute("**/rendered*")
    page.route(
        "**/rendered*", lambda route: route.fulfill(status=410, json={"detail": "no codec for it"})
    )
    page.keyboard.press("r")  # drawn again, it is asked for again
    page.wait_for_selector(".cannot:has-text('No picture: no codec for it')")
    assert page.locator(".cannot").count() == 1


def test_what_another_person_says_appears_and_takes_nothing_away(site: Site, page: Any) -> None:
    receive(site)
    job = read(site, 1, Presence.PRESENT)
    follow(page, f"{site.url}/studies/{STUDY}")
    page.keyboard.press("d")
    page.fill("[name=comment]", "not finished")
    bob = Reviewer("bob", "Roe^Bob")
    review = Review(job, STUDY, 1, Verdict.AGREE, bob, at(9))
    report = replace(make_object(9), study_instance_uid=STUDY)
    site.stores.reviews.record(replace(review, report=report), [])
    page.wait_for_selector(".reviews li:has-text('Roe, Bob')")
    assert page.input_value("[name=comment]") == "not finished"
    assert not page.is_visible("#news p")
