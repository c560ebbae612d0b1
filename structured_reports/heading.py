"""Whom a report is about, and how far it goes, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from structured_reports import concepts
from structured_reports.items import date, find, line, value_of


def subject_lines(report: Dataset) -> Iterator[str]:
    """Yield patient, Study and procedure."""
    name = str(report.get("PatientName") or "").replace("^", " ").strip() or "name unknown"
    facts = (
        ("ID", str(report.get("PatientID") or "")),
        ("born", date(report.get("PatientBirthDate"))),
        ("sex", str(report.get("PatientSex") or "")),
    )
    yield from line("Patient", ", ".join([name, *(f"{k} {v}" for k, v in facts if v)]))
    study = (
        str(report.get("StudyDescription") or ""),
        date(report.get("StudyDate")),
        f"accession {report.AccessionNumber}" if report.get("AccessionNumber") else "",
    )
    yield from line("Study", ", ".join(each for each in study if each) or "no description")
    procedures = [value_of(each) for each in find(report, concepts.PROCEDURE_REPORTED)]
    yield from line("Procedure", ", ".join(procedures))


def status_lines(report: Dataset, label: str) -> Iterator[str]:
    """Yield when it was made, the flags of PS3.3 C.17.2, and what it replaces."""
    time = str(report.get("ContentTime") or "")
    at = f"{date(report.get('ContentDate'))} {time[:2]}:{time[2:4]}:{time[4:6]}"
    yield from line(label, f"{at} {report.get('TimezoneOffsetFromUTC') or ''}")
    flags = (report.get(each) for each in ("PreliminaryFlag", "VerificationFlag", "CompletionFlag"))
    yield from line("Status", ", ".join(str(each).lower() for each in flags if each))
    for study_item in report.get("PredecessorDocumentsSequence", []):
        for series in study_item.ReferencedSeriesSequence:
            for instance in series.ReferencedSOPSequence:
                yield from line("Replaces", str(instance.ReferencedSOPInstanceUID))
