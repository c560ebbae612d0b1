"""Codes as FHIR writes them: its own are here, DICOM's in `structured_reports.concepts`."""

from __future__ import annotations

from typing import Any, Final

from pydicom.sr.coding import Code as DicomCode

from inference.domain.characters import is_graphic
from inference.domain.code import Code
from inference.domain.finding import Presence
from inference.domain.uid import derive_uid

Json = dict[str, Any]

UCUM: Final = "http://unitsofmeasure.org"
DICOM_UID: Final = "urn:dicom:uid"  # of identifiers, whose values are urn:oid:

# HL7 Terminology: the URI of each DICOM Coding Scheme Designator (PS3.16 Section 8, Table 8-1)
_SYSTEMS: Final = {
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "SCT": "http://snomed.info/sct",
    "SRT": "http://snomed.info/srt",
    "LN": "http://loinc.org",
    "UCUM": UCUM,
    "RADLEX": "http://radlex.org",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    "I10": "http://hl7.org/fhir/sid/icd-10",
}
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"


def system_of(scheme: str) -> str:
    """Return the URI of a coding scheme; of one that has none, a UID that is always its own."""
    return _SYSTEMS.get(scheme) or f"urn:oid:{derive_uid('coding scheme', scheme)}"


def concept(code: Code | DicomCode, text: str = "") -> Json:
    """Return a CodeableConcept."""
    scheme = code.scheme if isinstance(code, Code) else code.scheme_designator
    coding = {"system": system_of(scheme), "code": code.value, "display": code.meaning}
    return {"coding": [coding], "text": text or code.meaning}


def _own(system: str, code: str, display: str) -> Json:
    coding = {"system": f"{_TERMINOLOGY}/{system}", "code": code, "display": display}
    return {"coding": [coding]}


IMAGING: Final = _own("observation-category", "imaging", "Imaging")
RADIOLOGY: Final = _own("v2-0074", "RAD", "Radiology")
NOT_PERFORMED: Final = _own("data-absent-reason", "not-performed", "Not Performed")
ERROR: Final = _own("data-absent-reason", "error", "Error")
UNKNOWN: Final = _own("data-absent-reason", "unknown", "Unknown")

INTERPRETATION: Final = {
    Presence.PRESENT: _own("v3-ObservationInterpretation", "POS", "Positive"),
    Presence.ABSENT: _own("v3-ObservationInterpretation", "NEG", "Negative"),
    Presence.UNDETERMINED: _own("v3-ObservationInterpretation", "IND", "Indeterminate"),
}


def text_of(value: str) -> str:
    """Return a `string` (R4, Section 2.24.0.1): a header may hold what no string may."""
    return "".join(each for each in value if is_graphic(each) or each in "\t\r\n").strip()


def quantity(value: float, unit: str) -> Json:
    """Return a Quantity; `unit` is a UCUM code."""
    return {"value": round(value, 6), "unit": unit, "system": UCUM, "code": unit}


def uid_identifier(uid: str) -> Json:
    """Return a UID as an Identifier."""
    return {"system": DICOM_UID, "value": f"urn:oid:{uid}"}
