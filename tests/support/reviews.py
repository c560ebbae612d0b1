"""Reviews of results that the real encoder made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from inference.domain.result import Result, ResultObject, Role
from inference.domain.review import Review, Reviewer, Verdict
from inference.ports import EncodedObject, Evidence
from structured_reports.encoder import DicomResultEncoder
from structured_reports.review import DicomReviewEncoder
from tests.support.sources import MANIFEST, PRODUCED_AT

ANN = Reviewer("ann", "Arzt^Anna^^Dr.^MD", authenticated=True)
BEN = Reviewer("ben@example.org", "Ben Köller")
REVIEWED_AT = PRODUCED_AT + timedelta(hours=5, microseconds=7)


def write_report(result: Result, evidence: Evidence, folder: Path) -> Path:
    """Write the AI's report of `result` into `folder`."""
    manifest = MANIFEST if result.model else None
    report = DicomResultEncoder(software_version="0.1.0").encode(
        result, manifest, [evidence], None
    )[0]
    path = folder / "report.dcm"
    path.write_bytes(report.part10)
    return path


def review_of(result: Result, verdict: Verdict = Verdict.AGREE, **changes: Any) -> Review:
    values: dict[str, Any] = {
        "job_id": 7,
        "study_instance_uid": result.study_instance_uid,
        "finding": 1 if result.findings else None,
        "verdict": verdict,
        "reviewer": ANN,
        "reviewed_at": REVIEWED_AT,
    }
    return Review(**values | changes)


def encode(
    review: Review, result: Result, report: Path, previous: Review | None = None
) -> EncodedObject:
    encoder = DicomReviewEncoder(software_version="0.1.0", organization="Hospital")
    return encoder.encode(review, result, report, previous)


def reference_to(encoded: EncodedObject, study_instance_uid: str) -> ResultObject:
    return ResultObject(
        Role.REVIEW,
        encoded.sop_class_uid,
        encoded.sop_instance_uid,
        encoded.series_instance_uid,
        study_instance_uid,
        f"results/{study_instance_uid}/{encoded.sop_instance_uid}.dcm",
    )
