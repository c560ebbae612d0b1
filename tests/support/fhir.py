"""Is it FHIR R4? By the models of fhir.resources, and by what only R4 itself says."""

from __future__ import annotations

import re
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

# R4 (4.0.1): elements that R4B took over unchanged, and no others, are expected here.
_TOP = {
    "DiagnosticReport": "identifier basedOn status category code subject encounter "
    "effectiveDateTime effectivePeriod issued performer resultsInterpreter specimen result "
    "imagingStudy media conclusion conclusionCode presentedForm",
    "Observation": "identifier basedOn partOf status category code subject focus encounter "
    "effectiveDateTime issued performer valueCodeableConcept valueQuantity dataAbsentReason "
    "interpretation note bodySite method specimen device referenceRange hasMember derivedFrom "
    "component",
    "Bundle": "identifier type timestamp total link entry signature",
    "OperationOutcome": "issue",
    "CapabilityStatement": "url version name title status experimental date publisher contact "
    "description kind software implementation fhirVersion format rest",
}
_RESOURCE = {"resourceType", "id", "meta", "implicitRules", "language"}
_DOMAIN = {"text", "contained", "extension", "modifierExtension"}
_STATUSES = frozenset(
    ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown")
)


def check(resource: dict[str, Any]) -> None:
    """Assert that `resource` is a resource of R4."""
    kind = resource["resourceType"]
    get_fhir_model_class(kind).model_validate(resource)
    assert set(resource) <= _RESOURCE | _DOMAIN | set(_TOP[kind].split())
    if kind in ("DiagnosticReport", "Observation"):
        assert resource["status"] in _STATUSES
        assert resource["code"]["coding"]
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", resource["id"])
    if kind == "Observation":
        _check_observation(resource)
    for each in resource.get("contained", []):
        # dom-3: what is contained is referred to.
        assert f"#{each['id']}" in str(resource)
    for entry in resource.get("entry", []):
        check(entry["resource"])
    _check_strings(resource)


def _check_observation(made: dict[str, Any]) -> None:
    has_value = any(key.startswith("value") for key in made)
    assert not (has_value and "dataAbsentReason" in made), "obs-6"
    assert has_value or "dataAbsentReason" in made or made.get("component"), "nothing is said"
    for each in made.get("component", []):
        assert each["code"]["coding"]
        assert any(key.startswith("value") for key in each)
        for bounds in each.get("referenceRange", []):
            assert {"low", "high", "text"} & set(bounds), "obs-3"


def _check_strings(value: Any) -> None:
    if isinstance(value, dict):
        assert value, "an element has a value or children (ele-1)"
        for each in value.values():
            _check_strings(each)
    elif isinstance(value, list):
        assert value, "an empty list is left out"
        for each in value:
            _check_strings(each)
    elif isinstance(value, str):
        assert re.fullmatch(r"[ \r\n\t\S]+", value), value
        assert value == value.strip("\x00")
