"""What went wrong, as an OperationOutcome (R4)."""

from __future__ import annotations

from wetread.fhir.codes import Json

# IssueType of each HTTP status
_ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    503: "transient",
}


def operation_outcome(status: int, text: str) -> Json:
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": _ISSUES.get(status, "exception"),
                "diagnostics": text,
            }
        ],
    }
