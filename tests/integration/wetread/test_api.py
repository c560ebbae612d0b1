"""The JSON API over real stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from inference.domain.finding import Presence
from tests.contracts.reading import REFUSED, said
from tests.contracts.repositories import make_failure, make_result
from tests.integration.wetread.pages import Pages

API = "/api/v1"
LISTS = ("studies", "results", "jobs", "deliveries", "reviews", "models", "destinations")


@pytest.fixture
def filled(pages: Pages) -> Pages:
    one = {"patient_id": "P-1", "accession_number": "A-1", "study_date": "20260101"}
    pages.add("1.1", said(Presence.PRESENT), patient_name="Doe^Jane", **one)
    pages.add("1.2", said(Presence.ABSENT), modality="CT", study_date="20260201")
    pages.add("1.3", make_result(**REFUSED))
    pages.add("1.4", make_failure())
    pages.add("1.5")
    return pages


def get(pages: Pages, path: str, status: int = 200, **headers: str) -> Any:
    answer = pages.get(f"{API}/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    kind = "application/json" if status == 200 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    return answer.json()


def uids(page: Any) -> list[str]:
    return [each["study_instance_uid"] for each in page["items"]]


def every_url(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(every_url, value.values()))
    if isinstance(value, list):
        return set().union(*map(every_url, value))
    return {value} if isinstance(value, str) and value.startswith("http://node/") else set()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_empty(pages: Pages, name: str) -> None:
    assert get(pages, name) == {"items": [], "next": None}


def test_a_study(filled: Pages) -> None:
    study = get(filled, "studies/1.1")
    assert (study["state"], study["standing"], study["reviewed"]) == ("receiving", "present", False)
    assert study["patient"]["id"] == "P-1"
    assert study["links"]["viewer"] == "http://node/viewer/viewer?StudyInstanceUIDs=1.1"
    assert (study["jobs"], study["results"]) == ([1], [1])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["1.5", "1.4", "1.3", "1.2", "1.1"]),
        ("?state=stable", []),
        ("?standing=present", ["1.1"]),
        ("?standing=waiting", ["1.5"]),
        ("?modality=CT", ["1.2"]),
        ("?study_date_from=2026-01-02", ["1.2"]),
        ("?study_date_to=2026-01-01", ["1.1"]),
    ],
)
def test_studies_are_narrowed(filled: Pages, query: str, found: list[str]) -> None:
    assert uids(get(filled, f"studies{query}")) == found


def test_patients_are_searched_for_in_a_body_alone(filled: Pages) -> None:
    for said_of in ({"patient_id": "P-1"}, {"accession_number": "A-1"}):
        answer = filled.post(f"{API}/search/studies", json=said_of)
        assert uids(answer.json()) == ["1.1"]
        (name,) = said_of
        problem = get(filled, f"studies?{name}=P-1", 422)
        assert "P-1" not in str(problem)
    assert filled.get(f"{API}/search/studies").status_code == 405


@pytest.mark.parametrize("name", ["studies", "results", "jobs", "deliveries"])
def test_pages_follow_each_other_to_the_last(filled: Pages, name: str) -> None:
    whole = get(filled, name)["items"]
    found, cursor = [], ""
    while cursor is not None:
        answer = filled.get(f"{API}/{name}?limit=2{cursor and f'&cursor={cursor}'}")
        page = answer.json()
        found += page["items"]
        cursor = page["next"]
        assert len(page["items"]) <= 2
        assert ("link" in answer.headers) == (cursor is not None)
        if cursor:
            assert answer.links["next"]["url"].endswith(f"cursor={cursor}")
    assert found == whole
    assert len(found) >= 4


def test_a_search_goes_on_with_the_cursor_in_its_body(filled: Pages) -> None:
    first = filled.post(f"{API}/search/studies", json={"limit": 3}).json()
    second = filled.post(f"{API}/search/studies", json={"limit": 3, "cursor": first["next"]}).json()
    assert (uids(first), uids(second)) == (["1.5", "1.4", "1.3"], ["1.2", "1.1"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("?study_instance_uid=1.2", [2]),
        ("?presence=present", [1]),
        ("?outcome=not%20assessed", [4, 3]),
        ("?model=chest&version=1", [4, 3, 2, 1]),
        ("?model=none", []),
        ("?reviewed=true", []),
        ("?produced_from=2026-01-02T03:04:11Z", []),
        ("?produced_to=2026-01-02T03:04:11Z", [4, 3, 2, 1]),
    ],
)
def test_results_are_narrowed(filled: Pages, query: str, found: list[int]) -> None:
    assert [each["job"] for each in get(filled, f"results{query}")["items"]] == found


def test_a_result_says_all_of_a_finding(filled: Pages) -> None:
    result = get(filled, "results/1")
    (finding,) = result["findings"]
    assert finding["code"] == {"value": "1", "scheme": "99TEST", "meaning": "Opacity"}
    assert (finding["certainty"], finding["threshold"]) == (0.5, 0.5)
    assert finding["presence_code"]["meaning"] == "Present"
    assert finding["region"]["points_column_row"][0] == [0.0, 1.5]
    assert finding["tracking_uid"].startswith("2.25.")
    assert finding["people"] == {
        "presence": None,
        "contested": False,
        "not_assessable": False,
        "reviewers": 0,
    }
    assert result["links"]["fhir"] == "http://node/fhir/DiagnosticReport/1"
    refused = get(filled, "results/3")
    assert refused["refusals"][0]["reason"] == "no pixel data"
    assert refused["refusals"][0]["code"]["scheme"] == "99WETREAD"
    assert "Doe" not in str(result)


def test_every_link_leads_somewhere(filled: Pages) -> None:
    known = [
        url
        for path in ("studies/1.1", "results/1", "jobs/1", "deliveries", "studies")
        for url in every_url(get(filled, path))
    ]
    for url in known:
        place = urlsplit(url)
        if place.path.startswith(("/dicom-web", "/viewer", "/api/v1/models", "/models")):
            continue  # not part of this application
        answer = filled.get(f"{place.path}?{place.query}")
        assert answer.status_code == 200, url


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ({"X-Forwarded-Proto": "https"}, "https://node"),
        ({"X-Forwarded-Proto": "https, http"}, "https://node"),
        ({"X-Forwarded-Host": "ai.example.org:8443, inner"}, "http://ai.example.org:8443"),
        ({"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "a b/c"}, "http://node"),
    ],
)
def test_behind_a_proxy_links_name_what_the_client_reached(
    filled: Pages, said: dict[str, str], base: str
) -> None:
    answer = filled.get(f"{API}/studies?limit=1", headers=said)
    assert answer.json()["items"][0]["url"] == f"{base}{API}/studies/1.5"
    assert answer.headers["link"].startswith(f"<{base}{API}/studies?")
    bundle = filled.get("/fhir/DiagnosticReport?_count=1", headers=said).json()
    assert all(each["url"].startswith(f"{base}/fhir/") for each in bundle["link"])


def test_jobs_and_deliveries(filled: Pages) -> None:
    assert [each["job"] for each in get(filled, "jobs?state=failed")["items"]] == [4]
    job = get(filled, "jobs/4")
    assert job["sop_instance_uids"]
    assert job["error"] == "it broke"
    assert len(get(filled, "deliveries?state=pending&job=1")["items"]) == 1
    assert get(filled, "deliveries/1")["destination"] == "pacs"
    (pacs,) = get(filled, "destinations")["items"]
    assert (pacs["name"], pacs["pending"], pacs["configured"]) == ("pacs", 4, False)


def test_an_answer_that_is_known_is_not_sent_again(filled: Pages) -> None:
    first = filled.get(f"{API}/studies/1.1")
    for tag in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
        again = filled.get(f"{API}/studies/1.1", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    changed = filled.get(f"{API}/studies/1.2", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("studies/1.9", 404, {}),
        ("studies/x", 400, {}),
        ("studies/" + "1" * 65, 400, {}),
        ("studies/1.9/results", 404, {}),
        ("results/9", 404, {}),
        ("results/x", 422, {}),
        ("jobs/9", 404, {}),
        ("deliveries/9", 404, {}),
        ("models/none", 404, {}),
        ("models/none/1", 404, {}),
        ("jobs?study_instance_uid=x", 400, {}),
        ("jobs?cursor=x", 400, {}),
        ("jobs?cursor=c3R1ZHk6Mw", 400, {}),  # of another list
        ("jobs?limit=201", 422, {}),
        ("jobs?order=newest", 422, {}),
        ("studies?study_date_to=20260101", 422, {}),
        ("results?produced_to=2026-01-01T00:00:00", 422, {}),  # no zone
        ("studies", 406, {"Accept": "text/html"}),
        ("studies", 406, {"Accept": "application/json;q=0"}),
        ("studies", 406, {"Accept": "application/json;q=0, text/*"}),
        ("nothing", 404, {}),
    ],
)
def test_errors_are_problem_documents(
    filled: Pages, path: str, status: int, headers: dict[str, str]
) -> None:
    problem = get(filled, path, status, **headers)
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.1"])
def test_json_may_be_asked_for_in_many_ways(filled: Pages, accept: str) -> None:
    get(filled, "studies", Accept=accept)


def test_another_method_is_told_which_there_are(filled: Pages) -> None:
    answer = filled.post(f"{API}/results/1", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    options = httpx.Request("OPTIONS", f"http://node{API}/results/1/reviews")
    answer = filled._ask(options.method, options.url.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_models_with_what_was_measured(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from wetread.bootstrap import open_stores
    from wetread.settings import Settings
    from wetread.web.build import build_shelf

    settings = Settings(home=tmp_path)
    stores = open_stores(settings)
    pages = Pages(tmp_path, shelf=build_shelf(settings, stores), destinations=["archive"])
    try:
        names = [each["name"] for each in get(pages, "models")["items"]]
        assert "cxr-pneumonia" in names
        model = get(pages, "models/cxr-pneumonia")
        assert model["rollout"]["active"] == "1.0.0"
        assert model["history"] == []
        version = get(pages, "models/cxr-pneumonia/1.0.0")
        assert version["stage"] == "active"
        assert version["card"] == "http://node/models/cxr-pneumonia/1.0.0"
        assert version["metrics"]["performance"]["test"]["auroc"]["value"] > 0.9
        get(pages, "models/cxr-pneumonia/9", 404)
        (archive,) = get(pages, "destinations")["items"]
        assert archive["configured"]
    finally:
        stores.close()
        pages.stores.close()
