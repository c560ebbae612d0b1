"""Results as resources of HL7 FHIR R4 (4.0.1): what says which, and nothing of HTTP."""

from wetread.fhir.observation import observation, observations
from wetread.fhir.outcome import operation_outcome
from wetread.fhir.report import diagnostic_report
from wetread.fhir.source import Source

__all__ = ["Source", "diagnostic_report", "observation", "observations", "operation_outcome"]
