"""A result as a DiagnosticReport (R4)."""

from __future__ import annotations

from html import escape

from inference.domain.finding import Presence
from inference.domain.result import Role
from structured_reports import concepts
from wetread.fhir.codes import RADIOLOGY, Json, concept, text_of, uid_identifier
from wetread.fhir.observation import observations
from wetread.fhir.source import Source, instant


def diagnostic_report(source: Source) -> Json:
    """Return the DiagnosticReport; its Observations are named, and stand by themselves.

    It is preliminary, since no model's reading is final: that takes people who agree.
    """
    result = source.listed.result
    title = concepts.MEASUREMENT_REPORT if source.assessed else concepts.NOT_ASSESSED_REPORT
    model = str(result.model) if result.model else "no model"
    made: Json = {
        "resourceType": "DiagnosticReport",
        "id": source.identity,
        "meta": source.meta,
        "status": source.status,
        "category": [RADIOLOGY],
        "code": concept(title, f"{title.meaning}, by {model}"),
        "subject": source.subject,
        **source.effective,
        "issued": instant(result.produced_at),
        "imagingStudy": [source.study],
    }
    if found := observations(source):
        made["result"] = [{"reference": f"Observation/{each['id']}"} for each in found]
    report = next((each for each in result.objects if each.role is Role.REPORT), None)
    if report is not None:
        made["identifier"] = [uid_identifier(report.sop_instance_uid)]
        made["presentedForm"] = [
            {
                "contentType": "application/dicom",
                "url": source.report_url,
                "title": "DICOM Structured Report",
                "creation": instant(result.produced_at),
            }
        ]
    if said := text_of(source.report_text):
        made["conclusion"] = said
        made["text"] = {"status": "generated", "div": _narrative(said)}
    present = [each.finding for each in result.findings if each.presence is Presence.PRESENT]
    if present:
        made["conclusionCode"] = [concept(each) for each in dict.fromkeys(present)]
    if source.status == "final":
        made["resultsInterpreter"] = source.people(source.counting)
    return made


def _narrative(text: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"><pre>{escape(text)}</pre></div>'
