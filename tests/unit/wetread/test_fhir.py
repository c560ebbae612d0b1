"""Results as FHIR R4."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from inference.domain.code import Code
from inference.domain.finding import Measurement, Presence, Quantity
from inference.domain.instance import Attributes
from inference.domain.job import Job, JobState
from inference.domain.listing import Listed
from inference.domain.result import Result
from inference.domain.review import Review, Reviewer, ReviewReason, Verdict
from inference.domain.study import Study, StudyState
from tests.contracts.reading import REFUSED, said
from tests.contracts.repositories import STUDY, T0, at, make_failure, make_request, make_result
from tests.support.fhir import check
from tests.support.sources import MANIFEST
from wetread.fhir import Source, diagnostic_report, observation, observations, operation_outcome
from wetread.fhir.capability import capability_statement
from wetread.web.fhir_search import read_search
from wetread.web.problems import InvalidCursor, InvalidSearch

KNOWN = Reviewer("ann", "Arzt^Anna", authenticated=True)
TYPED = Reviewer("ben", "Ben")
ATTRIBUTES = Attributes(patient_id="P-1", patient_name="Doe^Jane", study_date="20260102")


def source(result: Result, *reviews: Review, attributes: Attributes = ATTRIBUTES) -> Source:
    request = make_request(model=result.model)
    study = Study(STUDY, StudyState.STABLE, 1, 1, request.priority, T0, T0, attributes)
    job = Job(7, request, JobState.DONE, 1, T0)
    url = "http://node/dicom-web/studies/1/series/2/instances/3"
    return Source(Listed(study, job, result, reviews), MANIFEST, url, "AI RESULT\nFinding 1")


def review(reviewer: Reviewer = KNOWN, number: int = 1, **changes: Any) -> Review:
    values: dict[str, Any] = {"verdict": Verdict.AGREE, "finding": 1, "reviewed_at": at(number)}
    return Review(7, STUDY, reviewer=reviewer, review_id=number, **values | changes)


DENIED: dict[str, Any] = {
    "verdict": Verdict.DISAGREE,
    "presence": Presence.ABSENT,
    "right_finding": Code("46621007", "SCT", "Atelectasis"),
    "reason": ReviewReason.OTHER_FINDING,
    "comment": "known\x0b since 2024",
}


@pytest.mark.parametrize(
    "result",
    [
        make_result(),
        said(Presence.PRESENT, 0.9),
        said(Presence.ABSENT, 0.1),
        make_result(**REFUSED),
        make_result(model=None, **REFUSED),
        make_failure(),
        make_result(objects=()),
        make_result(findings=(), refusals=()),
    ],
)
@pytest.mark.parametrize(
    "attributes", [ATTRIBUTES, Attributes(), Attributes(patient_id="\x00\x1b", study_date="today")]
)
def test_every_result_is_r4(result: Result, attributes: Attributes) -> None:
    made = source(result, attributes=attributes)
    report = diagnostic_report(made)
    check(report)
    for each in observations(made):
        check(each)
        assert {"reference": f"Observation/{each['id']}"} in report["result"]
    assert "Doe" not in str([report["subject"], *observations(made)])


def test_a_finding_says_presence_certainty_and_threshold() -> None:
    (finding,) = said(Presence.PRESENT, 0.9).findings
    sized = replace(finding, measurements=(Measurement(Quantity.VOLUME, 12.5),))
    (made,) = observations(source(make_result(findings=(sized,))))
    assert made["status"] == "preliminary"
    assert made["valueCodeableConcept"]["coding"][0]["display"] == "Present"
    assert made["interpretation"][0]["coding"][0]["code"] == "POS"
    sure, volume = made["component"]
    assert sure["valueQuantity"]["value"] == 90
    assert sure["referenceRange"][0]["low"]["value"] == 50
    assert volume["valueQuantity"]["code"] == "mL"
    assert made["derivedFrom"][0]["identifier"]["value"] == f"urn:oid:{STUDY}"
    assert made["contained"][0]["version"] == [{"value": "1"}]
    assert made["identifier"][0]["value"].startswith("urn:oid:2.25.")


def test_what_is_undetermined_has_no_value_but_a_reason() -> None:
    (made,) = observations(source(make_result()))
    assert "valueCodeableConcept" not in made
    assert made["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "the header gives no age" in made["dataAbsentReason"]["text"]


@pytest.mark.parametrize(
    ("result", "code"),
    [(make_result(**REFUSED), "not-performed"), (make_failure(), "error")],
)
def test_what_was_not_assessed_says_why(result: Result, code: str) -> None:
    made = source(result)
    (only,) = observations(made)
    assert (only["id"], only["status"]) == ("7.0", "cancelled")
    assert only["dataAbsentReason"]["coding"][0]["code"] == code
    assert diagnostic_report(made)["status"] == "cancelled"
    assert observation(made, 1) is None


@pytest.mark.parametrize(
    ("reviews", "status"),
    [
        ((), "preliminary"),
        ((review(),), "final"),
        ((review(finding=None),), "final"),
        ((review(TYPED),), "preliminary"),
        ((review(**DENIED),), "preliminary"),
        ((review(), review(TYPED, 2, **DENIED)), "preliminary"),
        ((review(**DENIED), review(number=2)), "final"),
        ((review(verdict=Verdict.NOT_ASSESSABLE),), "preliminary"),
        ((review(verdict=Verdict.NOT_ASSESSABLE), review(TYPED, 2)), "preliminary"),
    ],
)
def test_only_people_make_it_final(reviews: tuple[Review, ...], status: str) -> None:
    made = source(said(Presence.PRESENT), *reviews)
    report, (found,) = diagnostic_report(made), observations(made)
    assert (report["status"], found["status"]) == (status, status)
    check(report)
    check(found)
    if status == "final":
        assert found["performer"] == report["resultsInterpreter"]
        assert found["performer"][0]["identifier"]["value"] == "ann"


def test_what_people_say_stands_with_the_finding() -> None:
    (made,) = observations(source(said(Presence.PRESENT), review(TYPED, **DENIED)))
    check(made)
    (note,) = made["note"]
    assert note["authorString"] == "Ben"
    assert note["text"].startswith("Disagrees: it is absent (other finding), by a name that was")
    displays = [
        each["valueCodeableConcept"]["coding"][0]["display"]
        for each in made["component"]
        if "valueCodeableConcept" in each
    ]
    assert displays == ["Rejected", "Atelectasis"]


def test_a_report_names_its_text_its_dicom_object_and_what_is_present() -> None:
    made = diagnostic_report(source(said(Presence.PRESENT)))
    assert "presentedForm" not in made
    made = diagnostic_report(source(make_result(findings=said(Presence.PRESENT).findings)))
    assert made["conclusion"].startswith("AI RESULT")
    assert made["presentedForm"][0]["url"].startswith("http://node/dicom-web/")
    assert made["conclusionCode"][0]["coding"][0]["display"] == "Opacity"
    assert made["effectiveDateTime"] == "2026-01-02"


def test_errors_and_the_statement_are_r4() -> None:
    check(operation_outcome(404, "there is no resource 9"))
    check(capability_statement("1", "http://node/fhir", datetime.now(UTC)))


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2026", "20260101", "20261231"),
        ("eq2024-02", "20240201", "20240229"),
        ("ge2026-01-31", "20260131", ""),
        ("gt2026-01", "20260201", ""),
        ("le2026", "", "20261231"),
        ("lt2026-01-01", "", "20251231"),
    ],
)
def test_dates(value: str, first: str, last: str) -> None:
    query = read_search([("date", value)], in_address=True).query
    assert (query.first_date, query.last_date) == (first, last)


def test_dates_narrow_each_other() -> None:
    asked = [("date", "ge2026-01"), ("date", "le2026-03"), ("date", "ge2025"), ("date", "le2027")]
    query = read_search(asked, in_address=True).query
    assert (query.first_date, query.last_date) == ("20260101", "20260331")


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2026-01-02T03:04:05Z", (3, 4, 5, 0), (3, 4, 5, 999_999)),
        ("2026-01-02T04:04:05.5+01:00", (3, 4, 5, 500_000), (3, 4, 5, 599_999)),
        ("2026-01-02T03:04Z", (3, 4, 0, 0), (3, 4, 59, 999_999)),
        ("2026-01-02", (0, 0, 0, 0), (23, 59, 59, 999_999)),
    ],
)
def test_moments(value: str, first: tuple[int, ...], last: tuple[int, ...]) -> None:
    query = read_search([("issued", value)], in_address=True).query
    assert query.first == datetime(2026, 1, 2, *first, tzinfo=UTC)
    assert query.last == datetime(2026, 1, 2, *last, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient:identifier", "P-1"),
        ("subject.identifier", "P-1"),
        ("foo", "1"),
        ("date", "yesterday"),
        ("date", "2026-02-30"),
        ("date", "ne2026"),
        ("date", "2026-01-01T00:00:00Z"),
        ("date", "0001"),
        ("date", "9999-12-31"),
        ("issued", "2026-01-01T25:00:00Z"),
        ("status", "amended"),
        ("identifier", "x"),
        ("identifier", "urn:other|1.2"),
        ("study", ""),
        ("_count", "-1"),
        ("_count", "²"),
        ("_include", "*"),
    ],
)
def test_what_is_not_understood_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSearch):
        read_search([(name, value)], in_address=True)


def test_a_patient_may_stand_in_a_form() -> None:
    found = read_search([("patient:identifier", "P-1")], in_address=False)
    assert (found.query.patient_id, found.nothing) == ("P-1", False)
    assert read_search([("subject:identifier", "|P-1")], in_address=False).query == found.query
    assert read_search([("patient:identifier", "urn:x|P-1")], in_address=False).nothing
    assert read_search([("patient:identifier", "")], in_address=False).nothing
    assert read_search([("_id", "x")], in_address=False).nothing
    with pytest.raises(InvalidCursor):
        read_search([("_cursor", "x")], in_address=False)
