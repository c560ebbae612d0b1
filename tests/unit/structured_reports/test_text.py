"""The report as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inference.domain.code import Code
from inference.domain.finding import Presence
from inference.domain.refusal import Reason, Refusal
from inference.domain.result import ResultObject, Role
from inference.domain.review import ReviewReason, Verdict
from inference.ports import Evidence
from structured_reports.encoder import DicomResultEncoder
from structured_reports.text import report_as_text
from tests.support.reviews import ANN, BEN, encode, review_of, write_report
from tests.support.sources import (
    MANIFEST,
    assessed,
    evidence_of,
    finding_of,
    not_assessed,
    write_raw,
)


def test_a_finding(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    doubt = Refusal(Reason.AGE_UNKNOWN, "the header gives no age", "1.2.3")
    finding = finding_of(evidence.instance, Presence.UNDETERMINED, doubts=[doubt])
    result = assessed(evidence.instance, [finding])
    report, *_ = encoder.encode(result, MANIFEST, [evidence], None)
    lines = report_as_text(report.part10).splitlines()
    assert lines[0] == "AI RESULT, NOT VERIFIED"
    assert "Patient       Doe Jane, ID P-7, born 1970-01-02, sex F" in lines
    assert "Study         Chest pa, 2026-01-02, accession ACC 7" in lines
    assert "Status        preliminary, unverified, complete" in lines
    assert "Finding 1: Pneumonia - UNDETERMINED" in lines
    assert "  Certainty     87.3 % (threshold 50 %)" in lines
    assert "  Undetermined  Patient age unknown: the header gives no age" in lines
    assert "  Site          Lung" in lines
    assert any("chest-pneumonia 1.2.0" in each for each in lines)
    assert all(len(each) <= 96 for each in lines)
    assert not any("NOT ASSESSED" in each for each in lines)


def test_what_was_not_assessed(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    refusal = Refusal(Reason.WRONG_BODY_PART, "Body Part Examined is HIP, not CHEST", "1.2.3")
    for model in (MANIFEST.model, None):
        result = not_assessed(evidence.instance, [refusal], model=model)
        report = encoder.encode(result, MANIFEST if model else None, [evidence], None)[0]
        text = report_as_text(report.part10)
        assert "NOT ASSESSED: not attempted" in text
        assert "no AI finding, neither positive nor" in text
        assert "Body part not accepted: Body Part Examined is HIP, not CHEST" in text
        assert "Finding 1" not in text


def test_a_failure(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    result = not_assessed(evidence.instance, [], failed=True)
    text = report_as_text(encoder.encode(result, MANIFEST, [evidence], None)[0].part10)
    assert "NOT ASSESSED: failed" in text
    assert "Software failure" in text


def test_both(encoder: DicomResultEncoder, evidence: Evidence, tmp_path: Path) -> None:
    second = evidence_of(write_raw(tmp_path / "second.dcm", {}))
    refusal = Refusal(Reason.NO_PIXELS, "no pixels", second.instance.sop_instance_uid)
    result = assessed(evidence.instance, [finding_of(evidence.instance)], [refusal])
    text = report_as_text(encoder.encode(result, MANIFEST, [second, evidence], None)[0].part10)
    assert "Finding 1: Pneumonia - PRESENT" in text
    assert "PARTIALLY ASSESSED" in text
    assert "1 of 2 images were not assessed" in text
    assert "Doe Jane" in text  # of the image that was assessed


def test_nobody(encoder: DicomResultEncoder, tmp_path: Path) -> None:
    nameless = evidence_of(write_raw(tmp_path / "nameless.dcm", {}))
    result = not_assessed(nameless.instance, [])
    text = report_as_text(encoder.encode(result, MANIFEST, [nameless], None)[0].part10)
    assert "name unknown" in text


def test_a_revision(encoder: DicomResultEncoder, evidence: Evidence) -> None:
    result = assessed(evidence.instance, [finding_of(evidence.instance)])
    old = ResultObject(Role.REPORT, "1.2.840.10008.5.1.4.1.1.88.34", "1.2.99", "1.2", "1.3", "k")
    report = encoder.encode(
        replace(result, revision=2), MANIFEST, [evidence], replace(result, objects=(old,))
    )[0]
    assert "Replaces      1.2.99" in report_as_text(report.part10).splitlines()


def test_a_review(evidence: Evidence, tmp_path: Path) -> None:
    result = assessed(evidence.instance, [finding_of(evidence.instance)])
    report = write_report(result, evidence, tmp_path)
    review = review_of(
        result,
        Verdict.DISAGREE,
        presence=Presence.ABSENT,
        right_finding=Code("46621007", "SCT", "Atelectasis"),
        reason=ReviewReason.OTHER_FINDING,
        comment="Known since 2024.\nSee the lateral view.",
        reviewer=BEN,
    )
    text = report_as_text(encode(review, result, report).part10)
    lines = text.splitlines()
    assert lines[0] == "REVIEW OF AN AI RESULT, NOT VERIFIED"
    assert "Patient       Doe Jane, ID P-7, born 1970-01-02, sex F" in lines
    assert f"Reviewer      {BEN.name}, login {BEN.id}" in lines
    assert "AI result rejected" in lines
    assert "  Right finding Atelectasis" in lines
    assert "  Comment       See the lateral view." in lines
    assert "Finding: Pneumonia" in lines
    assert "  By the person Absent" in lines
    assert "About report" in text
    assert all(len(each) <= 96 for each in lines)


def test_a_verified_review_of_the_whole(evidence: Evidence, tmp_path: Path) -> None:
    result = assessed(evidence.instance, [finding_of(evidence.instance)])
    report = write_report(result, evidence, tmp_path)
    person = replace(ANN, authenticated=True)
    review = review_of(result, Verdict.AGREE, finding=None, reviewer=person)
    lines = report_as_text(encode(review, result, report).part10).splitlines()
    assert lines[0] == "REVIEW OF AN AI RESULT, VERIFIED"
    assert "Reviewer      Arzt Anna Dr. MD, login ann, Hospital" in lines
    assert "AI result accepted" in lines
    assert not any(each.startswith("Finding") for each in lines)
