"""Reviews by HTTP: what is taken, what is refused and how that is said."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from inference.domain.finding import Presence
from inference.domain.review import Verdict
from inference.fakes.archive import FakeArchive
from tests.unit.intake.test_reviewing import Bench
from wetread.bootstrap import Stores
from wetread.reviews import months_ago
from wetread.web.api import Reviewing
from wetread.web.app import build_app

DISAGREE: dict[str, Any] = {
    "finding": 1,
    "verdict": "disagree",
    "presence": "absent",
    "right_finding": {"value": "46621007", "scheme": "SCT", "meaning": "Atelectasis"},
    "reason": "other finding",
    "comment": "known",
    "reviewer": {"id": "ann", "name": "Arzt^Anna"},
}
URL = "/api/v1/results/1/reviews"


class Client:
    """Asks the application in this process."""

    def __init__(self, bench: Bench, header: str = "") -> None:
        results = SimpleNamespace(of_job=lambda job_id: bench.store.results.get(job_id))
        stores = SimpleNamespace(queue=bench.queue, results=results, reviews=bench.reviews)
        reviewing = Reviewing(bench.desk, header)
        self.app = build_app(cast(Stores, stores), threading.Event(), reviewing=reviewing)
        self.bench = bench

    def get(self, url: str) -> httpx.Response:
        return self._ask("GET", url)

    def post(self, url: str, **what: Any) -> httpx.Response:
        return self._ask("POST", url, **what)

    def _ask(self, method: str, url: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
                return await http.request(method, url, **what)

        return asyncio.run(ask())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(FakeArchive(tmp_path))
    bench.read()
    return bench


@pytest.fixture
def client(bench: Bench) -> Client:
    return Client(bench)


def _detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    return str(problem["detail"])


def test_a_review_is_taken(client: Client) -> None:
    answer = client.post(URL, json=DISAGREE)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["assessment"] == "rejected"
    assert said["reviewer"] == {"id": "ann", "name": "Arzt^Anna", "authenticated": False}
    (kept,) = client.bench.reviews.reviews()
    assert (kept.verdict, kept.presence) == (Verdict.DISAGREE, Presence.ABSENT)
    assert kept.report is not None
    assert said["sop_instance_uid"] == kept.report.sop_instance_uid
    assert client.post(URL, json=DISAGREE).status_code == 200
    assert len(client.bench.reviews.reviews()) == 1


def test_a_result_is_shown_with_all_its_reviews(client: Client) -> None:
    client.post(URL, json=DISAGREE)
    client.post(URL, json={"verdict": "agree", "finding": 1, "reviewer": {"id": "ann"}})
    shown = client.get(URL).json()
    assert [each["code"]["meaning"] for each in shown["findings"]] == ["Opacity"]
    assert shown["findings"][0]["tracking_uid"].startswith("2.25.")
    assert shown["model"] == {"name": "chest", "version": "1"}
    assert [(each["verdict"], each["superseded"]) for each in shown["reviews"]] == [
        ("disagree", True),
        ("agree", False),
    ]
    assert "Doe" not in str(shown)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"presence": None, "right_finding": None}, 422, "what is right"),
        ({"finding": 2}, 422, "no finding 2"),
        ({"finding": 0}, 422, "finding"),
        ({"verdict": "maybe"}, 422, "verdict"),
        ({"secret": "Doe^Jane"}, 422, "body.secret"),
        ({"reviewer": None}, 422, "who you are"),
        ({"reviewer": {"id": ""}}, 422, "id"),
        ({"right_finding": {"value": "1"}}, 422, "scheme"),
    ],
)
def test_what_does_not_fit_is_a_problem(
    client: Client, changes: dict[str, Any], status: int, said: str
) -> None:
    answer = client.post(URL, json=DISAGREE | changes)
    assert said in _detail(answer, status)
    assert "Doe^Jane" not in answer.text
    assert client.bench.reviews.reviews() == ()


@pytest.mark.parametrize("number", ["2", "0", "x", str(2**63)])
def test_unknown_results(client: Client, number: str) -> None:
    for answer in (
        client.post(f"/api/v1/results/{number}/reviews", json=DISAGREE),
        client.get(f"/api/v1/results/{number}/reviews"),
    ):
        _detail(answer, 404 if number == "2" else 422)


def test_a_shadow_is_not_shown(tmp_path: Path) -> None:
    bench = Bench(FakeArchive(tmp_path))
    bench.read(shadow=True)
    _detail(Client(bench).post(URL, json=DISAGREE), 404)
    _detail(Client(bench).get(URL), 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://node.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://node", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://pacs.example", "X-Forwarded-Host": "pacs.example"}, 201),
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
    ],
)
def test_a_foreign_page_cannot_post(client: Client, headers: dict[str, str], status: int) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = client.post(URL, content=json.dumps(DISAGREE), headers=sent)
    if status == 201:
        assert answer.status_code == 201, answer.text
    else:
        _detail(answer, status)
    assert len(client.bench.reviews.reviews()) == (status == 201)


def test_json_that_is_none(client: Client) -> None:
    answer = client.post(URL, content="{", headers={"Content-Type": "application/json"})
    _detail(answer, 422)


def test_a_trusted_header_says_who_it_is(bench: Bench) -> None:
    client = Client(bench, "X-Remote-User")
    anonymous = {name: value for name, value in DISAGREE.items() if name != "reviewer"}
    assert "X-Remote-User" in _detail(client.post(URL, json=anonymous), 401)
    known = {"X-Remote-User": "ben"}
    _detail(client.post(URL, json=DISAGREE, headers=known), 422)  # says to be ann
    answer = client.post(URL, json=anonymous, headers=known)
    assert answer.status_code == 201
    assert answer.json()["reviewer"] == {"id": "ben", "name": "ben", "authenticated": True}


def test_without_the_setting_no_header_is_trusted(client: Client) -> None:
    answer = client.post(URL, json=DISAGREE, headers={"X-Remote-User": "ben"})
    assert answer.json()["reviewer"]["id"] == "ann"
    assert not answer.json()["reviewer"]["authenticated"]


def test_no_room_is_said_before_anything_is_kept(client: Client) -> None:
    client.bench.archive.full = True
    _detail(client.post(URL, json=DISAGREE), 503)


def test_concordance(client: Client) -> None:
    client.post(URL, json=DISAGREE)
    found = client.get("/api/v1/concordance?months=120").json()
    (model,) = found["models"]
    assert (model["model"], model["version"]) == ("chest", "1")
    assert model["total"]["reviewed"] == model["total"]["undetermined"] == 1
    assert model["total"]["agreement"]["value"] == 0
    assert model["total"]["agreement"]["high"] < 1
    assert model["total"]["sensitivity"] is None
    assert [each["month"] for each in model["months"]] == ["2026-01"]
    _detail(client.get("/api/v1/concordance?months=0"), 422)


@pytest.mark.parametrize(
    ("months", "expected"), [(0, (2026, 3)), (2, (2026, 1)), (3, (2025, 12)), (15, (2024, 12))]
)
def test_months_are_counted_back(months: int, expected: tuple[int, int]) -> None:
    now = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    assert months_ago(now, months) == datetime(*expected, 1, tzinfo=UTC)
