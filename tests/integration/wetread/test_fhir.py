"""FHIR by HTTP, over real stores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.domain.finding import Presence
from inference.domain.review import Review, Verdict
from tests.contracts.reading import REFUSED, said
from tests.contracts.repositories import at, make_object, make_result
from tests.contracts.reviews import ANN, BEN
from tests.integration.wetread.pages import Pages
from tests.support.fhir import check


def bundle(pages: Pages, query: str = "") -> list[str]:
    answer = pages.get(f"/fhir/DiagnosticReport{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    check(answer.json())
    return [each["resource"]["id"] for each in answer.json().get("entry", [])]


@pytest.fixture
def filled(pages: Pages) -> Pages:
    pages.add("1.1", said(Presence.PRESENT), patient_id="P-1", study_date="20260101")
    pages.add("1.2", said(Presence.ABSENT), patient_id="P-2", study_date="20260201")
    pages.add("1.3", make_result(**REFUSED), patient_id="P-1")
    return pages


def test_a_report_and_its_observations(filled: Pages) -> None:
    report = filled.get("/fhir/DiagnosticReport/1")
    check(report.json())
    for each in report.json()["result"]:
        found = filled.get(f"/fhir/{each['reference']}")
        assert found.status_code == 200
        check(found.json())
    again = {"If-None-Match": report.headers["etag"]}
    assert filled.get("/fhir/DiagnosticReport/1", headers=again).status_code == 304


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["3", "2", "1"]),
        ("?_id=2", ["2"]),
        ("?_id=2&study=1.1", []),
        ("?_id=9", []),
        ("?_id=1&_id=2", []),
        ("?_id=1&_id=1", ["1"]),
        ("?study=1.1&study=urn:oid:1.1", ["1"]),
        ("?study=1.1&study=1.2", []),
        ("?status=cancelled&status=preliminary", []),
        ("?_id=none", []),
        ("?study=1.1", ["1"]),
        ("?study=urn:oid:1.2", ["2"]),
        ("?study=urn:dicom:uid|urn:oid:1.3", ["3"]),
        ("?status=cancelled", ["3"]),
        ("?status=preliminary", ["2", "1"]),
        ("?status=preliminary,cancelled", ["3", "2", "1"]),
        ("?status=final", []),
        ("?date=ge2026-02", ["2"]),
        ("?date=2026-01-01", ["1"]),
        ("?issued=lt2026", []),
        ("?issued=2026-01-02&_count=1", ["3"]),
        ("?_count=0", []),
        ("?study=1.1&_include=DiagnosticReport:result", ["1", "1.1"]),
        ("?_format=json&_id=1", ["1"]),
    ],
)
def test_searches(filled: Pages, query: str, found: list[str]) -> None:
    assert bundle(filled, query) == found


def test_pages_follow_each_other(filled: Pages) -> None:
    found, url = [], "/fhir/DiagnosticReport?_count=1&status=preliminary,cancelled"
    while url:
        page = filled.get(url).json()
        check(page)
        found += [each["resource"]["id"] for each in page["entry"]]
        url = next((each["url"] for each in page["link"] if each["relation"] == "next"), "")
        assert url.startswith("http://node/fhir/DiagnosticReport?") or not url
    assert found == ["3", "2", "1"]


def test_a_patient_is_searched_for_by_post_alone(filled: Pages) -> None:
    url, form = "/fhir/DiagnosticReport/_search", {"patient:identifier": "P-1", "_count": "1"}
    first = filled.post(url, data=form).json()
    check(first)
    assert [each["resource"]["id"] for each in first["entry"]] == ["3"]
    (more,) = (each["url"] for each in first["link"] if each["relation"] == "next")
    assert "P-1" not in more
    second = filled.post(more, data=form).json()
    assert [each["resource"]["id"] for each in second["entry"]] == ["1"]
    refused = filled.get("/fhir/DiagnosticReport?patient:identifier=P-1")
    assert refused.status_code == 400
    assert filled.post(f"{url}?patient:identifier=P-1", data={"_id": "1"}).status_code == 400
    both = {"patient:identifier": "P-1", "subject:identifier": "P-2"}
    assert "entry" not in filled.post(url, data=both).json()


def test_what_is_reviewed_is_found_by_its_status(filled: Pages) -> None:
    for reviewer, found in ((BEN, []), (ANN, ["1"])):
        report = replace(make_object(700 + len(found)), study_instance_uid="1.1")
        said = Review(1, "1.1", 1, Verdict.AGREE, reviewer, at(20), report=report)
        filled.stores.reviews.record(said, [])
        assert bundle(filled, "?status=final") == found  # a name that was typed is not enough
    assert bundle(filled, "?status=preliminary") == ["2"]


@pytest.mark.parametrize(
    ("url", "status", "headers"),
    [
        ("/fhir/DiagnosticReport/9", 404, {}),
        ("/fhir/DiagnosticReport/a", 404, {}),
        ("/fhir/DiagnosticReport/%C2%B2", 400, {}),
        ("/fhir/DiagnosticReport/" + "1" * 65, 400, {}),
        ("/fhir/DiagnosticReport/" + "9" * 40, 404, {}),
        ("/fhir/Observation/1.9", 404, {}),
        ("/fhir/Observation/1", 404, {}),
        ("/fhir/Observation/x.y", 404, {}),
        ("/fhir/Patient/1", 404, {}),
        ("/fhir/DiagnosticReport?code=1", 400, {}),
        ("/fhir/DiagnosticReport?_id=1,2", 400, {}),
        ("/fhir/DiagnosticReport?_cursor=x", 400, {}),
        ("/fhir/DiagnosticReport?_format=xml", 406, {}),
        ("/fhir/metadata?_format=xml", 406, {}),
        ("/fhir/DiagnosticReport/1", 406, {"Accept": "application/fhir+xml"}),
    ],
)
def test_errors_are_outcomes(filled: Pages, url: str, status: int, headers: dict[str, Any]) -> None:
    answer = filled.get(url, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    check(answer.json())


def test_nothing_is_written(filled: Pages) -> None:
    answer = filled.post("/fhir/DiagnosticReport", json={})
    assert answer.status_code == 405
    check(answer.json())
    assert filled.post("/fhir/DiagnosticReport/_search", json={}).status_code == 415


def test_the_statement(pages: Pages) -> None:
    made = pages.get("/fhir/metadata").json()
    check(made)
    assert made["fhirVersion"] == "4.0.1"
