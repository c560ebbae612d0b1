"""The operations page, and to replay what failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from inference.domain.finding import Presence
from inference.domain.job import JobState
from inference.domain.refusal import Reason, Refusal
from inference.domain.review import Review, Reviewer, Verdict
from tests.contracts.reading import said
from tests.contracts.repositories import LEASE, at, make_failure, make_object, make_request
from tests.integration.wetread.pages import Pages
from wetread.bootstrap import SystemClock

HOSTILE = "<script>alert(1)</script>"


def fail_delivery(pages: Pages) -> int:
    delivery = pages.stores.outbox.claim(at(10), LEASE)
    assert delivery is not None
    pages.stores.outbox.fail(delivery, f"refused {HOSTILE}")
    return delivery.delivery_id


def test_what_failed_is_shown_and_replayed(pages: Pages) -> None:
    broke = (Refusal(Reason.PROCESSING_FAILED, f"broke {HOSTILE}"),)
    job = pages.add("1.1", make_failure(refusals=broke), patient_name="Doe^Jane")
    page = pages.get("/operations").text
    assert "broke &lt;script&gt;" in page
    assert "<script>" not in page
    assert "Doe" not in page
    url = f"/api/v1/jobs/{job}/replay"
    assert url in page
    answer = pages.post(url, json={})
    assert (answer.status_code, answer.json()) == (200, {"job": job, "state": "queued"})
    held = pages.stores.queue.job(job)
    assert held is not None
    assert held.state is JobState.QUEUED
    assert pages.post(url, json={}).status_code == 409
    assert pages.post("/api/v1/jobs/99/replay", json={}).status_code == 404


def test_a_failed_delivery_is_replayed(pages: Pages) -> None:
    pages.add("1.1", said(Presence.PRESENT))
    number = fail_delivery(pages)
    url = f"/api/v1/deliveries/{number}/replay"
    assert url in pages.get("/operations").text
    assert pages.post(url, json={}).json() == {"delivery": number, "state": "pending"}
    assert pages.post(url, json={}).status_code == 409
    assert url not in pages.get("/operations").text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_a_foreign_page_replays_nothing(pages: Pages, headers: dict[str, str], status: int) -> None:
    job = pages.add("1.1", make_failure())
    headers = {"Content-Type": "application/json"} | headers
    answer = pages.post(f"/api/v1/jobs/{job}/replay", content="{}", headers=headers)
    assert answer.status_code == status
    held = pages.stores.queue.job(job)
    assert held is not None
    assert held.state is JobState.FAILED


def test_agreement_is_drawn(pages: Pages) -> None:
    now = SystemClock().now() - timedelta(minutes=1)
    job = pages.add("1.1", said(Presence.PRESENT, produced_at=now))
    report = replace(make_object(9), study_instance_uid="1.1")
    review = Review(job, "1.1", 1, Verdict.AGREE, Reviewer("ann", "Ann"), now, report=report)
    pages.stores.reviews.record(review, [])
    page = pages.get("/operations").text
    assert page.count("<circle") == 1
    assert "100 %" in page


def test_who_works_on_what_is_shown(pages: Pages) -> None:
    # It does not say that workers are free: there may be none.
    assert "No job is being read" in pages.get("/operations").text
    pages.add("1.1", said(Presence.PRESENT))
    request = make_request(study_instance_uid="1.1", revision=2)
    now = SystemClock().now()
    pages.stores.queue.enqueue([request], now)
    lease = pages.stores.queue.claim("worker-7", now, timedelta(minutes=5))
    assert lease is not None
    text = pages.get("/operations").text
    assert "worker-7" in text
    assert "alive" in text
    pages.stores.queue.extend(lease, now - timedelta(hours=1), timedelta(minutes=5))
    assert "no heartbeat" in pages.get("/operations").text
