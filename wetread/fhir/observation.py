"""A Finding as an Observation (R4): its presence is the value; certainty and sizes, components."""

from __future__ import annotations

from inference.domain.finding import Finding, Presence
from inference.domain.review import Answer, Review, Verdict
from structured_reports import concepts
from structured_reports.identity import tracking_uids
from wetread.fhir.codes import (
    ERROR,
    IMAGING,
    INTERPRETATION,
    NOT_PERFORMED,
    UNKNOWN,
    Json,
    concept,
    quantity,
    text_of,
    uid_identifier,
)
from wetread.fhir.source import Source, instant

_WHOLE = 0  # the number of the Observation that says why there is none


def observations(source: Source) -> list[Json]:
    """Return those of a result: of each Finding, or the one that says why there is none."""
    found = source.listed.result.findings
    numbers = range(1, len(found) + 1) if source.assessed else (_WHOLE,)
    return [made for each in numbers if (made := observation(source, each)) is not None]


def observation(source: Source, number: int) -> Json | None:
    """Return the Observation of Finding `number`; None where the result has no such."""
    found = list(tracking_uids(source.listed.result))
    if number == _WHOLE and not source.assessed:
        return _not_assessed(source)
    if not 1 <= number <= len(found):
        return None
    finding, tracking_uid = found[number - 1]
    said = source.answer(number)
    made: Json = {
        **_common(source, number),
        "identifier": [uid_identifier(tracking_uid)],
        "status": source.finding_status(number),
        "code": concept(finding.finding),
        "bodySite": concept(finding.site),
        "interpretation": [INTERPRETATION[finding.presence]],
        "component": [*_components(finding), *_assessments(said.by)],
    }
    if finding.presence is Presence.UNDETERMINED:
        made["dataAbsentReason"] = UNKNOWN | {"text": text_of(_doubts(finding))}
    else:
        made["valueCodeableConcept"] = concept(concepts.presence_code(finding.presence))
    if notes := [*_notes(said)]:
        made["note"] = notes
    if made["status"] == "final":
        made["performer"] = source.people(said.by)
    return made


def _common(source: Source, number: int) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"{source.identity}.{number}",
        "meta": source.meta,
        "contained": [source.device],
        "category": [IMAGING],
        "subject": source.subject,
        **source.effective,
        "issued": instant(source.listed.result.produced_at),
        "method": concept(concepts.ARTIFICIAL_INTELLIGENCE),
        "device": {"reference": "#device"},
        "derivedFrom": [source.study],
    }


def _not_assessed(source: Source) -> Json:
    result = source.listed.result
    reasons = list(dict.fromkeys(each.detail or each.reason.value for each in result.refusals))
    absent = ERROR if result.failed else NOT_PERFORMED
    made = {
        **_common(source, _WHOLE),
        "status": "cancelled",
        "code": concept(concepts.SUMMARY_OF_ANALYSES),
        "dataAbsentReason": absent
        | {"text": text_of("; ".join(reasons)) or "nothing was assessed"},
    }
    coded = dict.fromkeys(concepts.reason_code(each.reason) for each in result.refusals)
    if coded:
        made["component"] = [
            {
                "code": concept(concepts.REASON_NOT_ASSESSED),
                "valueCodeableConcept": concept(each),
            }
            for each in coded
        ]
    return made


def _components(finding: Finding) -> list[Json]:
    sure = {
        "code": concept(concepts.CERTAINTY),
        "valueQuantity": quantity(finding.certainty * 100, "%"),
        "referenceRange": [
            {
                "low": quantity(finding.threshold * 100, "%"),
                "text": "Threshold: from here on the finding counts as present.",
            }
        ],
    }
    sizes = []
    for each in finding.measurements:
        name, unit = concepts.quantity_code(each.quantity)
        sizes.append({"code": concept(name), "valueQuantity": quantity(each.value, unit.value)})
    return [sure, *sizes]


def _assessments(reviews: tuple[Review, ...]) -> list[Json]:
    """Return what each person says, in the words of IHE AIRA, and what is there instead."""
    made = []
    for each in reviews:
        stance = concept(concepts.stance_code(each.stance))
        made.append({"code": concept(concepts.STANCE), "valueCodeableConcept": stance})
        if each.right_finding is not None:
            right = concept(each.right_finding)
            made.append({"code": concept(concepts.RIGHT_FINDING), "valueCodeableConcept": right})
    return made


def _notes(said: Answer) -> list[Json]:
    return [
        {
            "authorString": each.reviewer.name,
            "time": instant(each.reviewed_at),
            "text": ". ".join(filter(None, (_sentence(each), text_of(each.comment)))),
        }
        for each in said.by
    ]


def _sentence(review: Review) -> str:
    words = {
        Verdict.AGREE: "Agrees",
        Verdict.DISAGREE: "Disagrees",
        Verdict.NOT_ASSESSABLE: "Not assessable",
    }[review.verdict]
    truth = f": it is {review.presence.value}" if review.presence else ""
    reason = f" ({review.reason.value})" if review.reason else ""
    known = "" if review.reviewer.authenticated else ", by a name that was typed"
    return f"{words}{truth}{reason}{known}"


def _doubts(finding: Finding) -> str:
    details = list(dict.fromkeys(each.detail or each.reason.value for each in finding.doubts))
    return f"undetermined: {'; '.join(details)}" if details else "undetermined"
