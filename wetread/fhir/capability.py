"""What this server can do, as a CapabilityStatement (R4)."""

from __future__ import annotations

from datetime import datetime

from wetread.fhir.codes import Json
from wetread.fhir.source import instant

# name -> (type, what it is matched with)
PARAMETERS = {
    "_id": ("token", "The number of the result's job."),
    "identifier": ("token", "SOP Instance UID of the Structured Report, as urn:oid: or plain."),
    "study": ("token", "Study Instance UID, as urn:oid: or plain."),
    "status": ("token", "preliminary, final or cancelled."),
    "date": ("date", "The Study Date."),
    "issued": ("date", "When the result was made."),
    "patient": ("reference", "With the modifier :identifier, by POST to _search alone."),
    "subject": ("reference", "With the modifier :identifier, by POST to _search alone."),
}


def capability_statement(version: str, base: str, started: datetime) -> Json:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(started),
        "kind": "instance",
        "software": {"name": "Wetread", "version": version},
        "implementation": {"description": "Results of models that read images", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "For research use only; not a medical device.",
                "resource": [
                    {
                        "type": "DiagnosticReport",
                        "documentation": "One for each result.",
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "versioning": "no-version",
                        "searchInclude": ["DiagnosticReport:result"],
                        "searchParam": [
                            {"name": name, "type": kind, "documentation": text}
                            for name, (kind, text) in PARAMETERS.items()
                        ],
                    },
                    {
                        "type": "Observation",
                        "documentation": "One for each finding.",
                        "interaction": [{"code": "read"}],
                        "versioning": "no-version",
                    },
                ],
            }
        ],
    }
