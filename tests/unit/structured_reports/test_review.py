"""The object that says what a person says of a result."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.domain.code import Code
from inference.domain.finding import Presence
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import Result, Role
from inference.domain.review import Review, ReviewReason, Verdict
from inference.ports import Evidence
from structured_reports import identity
from tests.support.reviews import ANN, BEN, encode, reference_to, review_of, write_report
from tests.support.sources import assessed, finding_of, not_assessed

ATELECTASIS = Code("46621007", "SCT", "Atelectasis")


@pytest.fixture
def result(evidence: Evidence) -> Result:
    return assessed(evidence.instance, [finding_of(evidence.instance)])


@pytest.fixture
def report(result: Result, evidence: Evidence, tmp_path: Path) -> Path:
    return write_report(result, evidence, tmp_path)


def _read(review: Review, result: Result, report: Path, previous: Review | None = None) -> Dataset:
    return pydicom.dcmread(BytesIO(encode(review, result, report, previous).part10))


def _disagrees(result: Result, **changes: Any) -> Review:
    told: dict[str, Any] = {
        "presence": Presence.ABSENT,
        "right_finding": ATELECTASIS,
        "reason": ReviewReason.OTHER_FINDING,
        "comment": "Known since 2024.\nSee the lateral view.",
    }
    return review_of(result, Verdict.DISAGREE, **told | changes)


def _values(container: Dataset) -> list[tuple[str, str]]:
    """Return name and value of each coded item, by their code values."""
    return [
        (each.ConceptNameCodeSequence[0].CodeValue, each.ConceptCodeSequence[0].CodeValue)
        for each in container.ContentSequence
        if each.ValueType == "CODE"
    ]


def _texts(container: Dataset, name: str) -> list[str]:
    return [
        str(each.get("TextValue") or each.get("PersonName") or each.get("UID"))
        for each in container.ContentSequence
        if each.ConceptNameCodeSequence[0].CodeValue == name
    ]


def _container(document: Dataset, name: str) -> Dataset:
    (found,) = [
        each
        for each in document.ContentSequence
        if each.ConceptNameCodeSequence[0].CodeValue == name
    ]
    return found


def test_patient_and_study_are_those_of_the_report(result: Result, report: Path) -> None:
    document, source = _read(_disagrees(result), result, report), pydicom.dcmread(report)
    for keyword in ("PatientName", "PatientID", "PatientAge", "StudyDate", "AccessionNumber"):
        assert document[keyword] == source[keyword]
    assert document.StudyInstanceUID == source.StudyInstanceUID
    assert document.SeriesInstanceUID != source.SeriesInstanceUID
    assert document.SeriesNumber == source.SeriesNumber + 9


def test_the_observer_is_the_person(result: Result, report: Path) -> None:
    document = _read(_disagrees(result), result, report)
    assert ("121005", "121006") in _values(document)  # Observer Type: Person, TID 1002
    assert _texts(document, "121008") == ["Arzt^Anna^^Dr.^MD"]
    assert _texts(document, "128774") == ["ann"]


def test_what_was_found_is_named_by_the_tracking_uid_of_the_ai(
    result: Result, report: Path
) -> None:
    document = _read(_disagrees(result), result, report)
    (group,) = _container(document, "126010").ContentSequence
    assert group.ContentTemplateSequence[0].TemplateIdentifier == "1501"
    ((_, tracking_uid),) = identity.tracking_uids(result)
    assert _texts(group, "112040") == [tracking_uid]
    assert _texts(group, "112039") == ["Pneumonia (chest-pneumonia)"]
    assert _values(group) == [
        ("121071", "233604007"),
        ("363698007", "39607008"),
        ("ASSESSMENT", "REJECTED"),
        ("233604007", "272519000"),  # pneumonia: absent
        ("RIGHTFINDING", "46621007"),
    ]
    (image,) = [each for each in group.ContentSequence if each.ValueType == "IMAGE"]
    named = image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == result.findings[0].sop_instance_uid


def test_it_is_said_coded_and_in_words(result: Result, report: Path) -> None:
    document = _read(_disagrees(result), result, report)
    said = _container(document, "C0034375")
    assert _values(said) == [("ASSESSMENT", "REJECTED"), ("WHYASSESSED", "OTHERFINDING")]
    assert _texts(said, "121111") == [
        "Dr. Anna Arzt, MD disagrees with chest-pneumonia 1.2.0: pneumonia present, certainty "
        "87.3 %. Right: pneumonia is absent. There is: Atelectasis."
    ]
    assert _texts(said, "121106") == ["Known since 2024.\r\nSee the lateral view."]


def test_the_report_of_the_ai_is_referenced(result: Result, report: Path) -> None:
    document, source = _read(_disagrees(result), result, report), pydicom.dcmread(report)
    stance = _container(document, "C0034375").ContentSequence[0]
    (reference,) = stance.ContentSequence
    assert (reference.ValueType, reference.RelationshipType) == ("COMPOSITE", "INFERRED FROM")
    assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    evidence = {
        each.ReferencedSOPInstanceUID
        for study in document.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for each in series.ReferencedSOPSequence
    }
    assert source.SOPInstanceUID in evidence
    assert result.findings[0].sop_instance_uid in evidence


def test_verified_is_only_who_is_authenticated(result: Result, report: Path) -> None:
    known = _read(_disagrees(result), result, report)
    assert (known.VerificationFlag, known.PreliminaryFlag) == ("VERIFIED", "FINAL")
    (observer,) = known.VerifyingObserverSequence
    assert observer.VerifyingObserverName == ANN.name
    assert observer.VerifyingOrganization == "Hospital"
    assert str(observer.VerificationDateTime).startswith(str(known.ContentDate))
    typed = _read(_disagrees(result, reviewer=BEN), result, report)
    assert (typed.VerificationFlag, typed.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in typed
    assert _texts(typed, "121008") == ["Ben Köller^"]
    (words,) = _texts(_container(typed, "C0034375"), "121111")
    assert words.startswith("Ben Köller disagrees")
    assert words.endswith("nobody verified it.")


def test_who_agrees_and_adds_supplements(result: Result, report: Path) -> None:
    review = review_of(result, right_finding=ATELECTASIS)
    document = _read(review, result, report)
    (group,) = _container(document, "126010").ContentSequence
    assert ("ASSESSMENT", "SUPPLEMENTED") in _values(group)
    assert ("233604007", "52101004") in _values(group)  # pneumonia: present


def test_what_cannot_be_assessed_has_no_presence(result: Result, report: Path) -> None:
    document = _read(review_of(result, Verdict.NOT_ASSESSABLE), result, report)
    (group,) = _container(document, "126010").ContentSequence
    assert ("ASSESSMENT", "NOTASSESSABLE") in _values(group)
    assert "233604007" not in dict(_values(group))


def test_a_refusal_is_reviewed_as_a_whole(evidence: Evidence, tmp_path: Path) -> None:
    refused = not_assessed(evidence.instance, [Refusal(Reason.WRONG_VIEW, "View Position is LL")])
    report = write_report(refused, evidence, tmp_path)
    review = review_of(refused, Verdict.DISAGREE, right_finding=ATELECTASIS)
    document = _read(review, refused, report)
    (said,) = [each for each in document.ContentSequence if each.ValueType == "CONTAINER"]
    assert ("RIGHTFINDING", "46621007") in _values(said)
    (words,) = _texts(said, "121111")
    assert words.startswith("Dr. Anna Arzt, MD disagrees with that it was not read")


def test_a_later_review_names_the_one_before(result: Result, report: Path) -> None:
    first = _disagrees(result)
    encoded = encode(first, result, report)
    first = replace(first, report=reference_to(encoded, result.study_instance_uid))
    later = replace(review_of(result), reviewed_at=first.reviewed_at.replace(minute=59))
    document = _read(later, result, report, first)
    (study,) = document.PredecessorDocumentsSequence
    named = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == encoded.sop_instance_uid
    assert document.SOPInstanceUID != encoded.sop_instance_uid


def test_the_same_review_is_the_same_object(result: Result, report: Path) -> None:
    first, second = (encode(_disagrees(result), result, report) for _ in range(2))
    assert first == second
    assert first.role is Role.REVIEW
    others = [
        encode(_disagrees(result, reviewer=BEN), result, report),
        encode(_disagrees(result, finding=None, presence=None), result, report),
    ]
    assert len({each.sop_instance_uid for each in (first, *others)}) == 3
    assert len({each.series_instance_uid for each in (first, *others)}) == 3


def test_the_role_is_no_courtesy() -> None:
    assert not Role.REVIEW.is_courtesy
