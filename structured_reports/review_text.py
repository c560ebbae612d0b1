"""A review as plain text: who said what of which AI result."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from structured_reports import concepts
from structured_reports.heading import status_lines, subject_lines
from structured_reports.items import (
    RULE,
    code_of,
    find,
    items,
    line,
    string_of,
    text_of,
    value_of,
)


def review_lines(review: Dataset) -> Iterator[str]:
    """Yield the lines of a review that is one of ours."""
    verified = str(review.get("VerificationFlag") or "") == "VERIFIED"
    yield f"REVIEW OF AN AI RESULT, {'VERIFIED' if verified else 'NOT VERIFIED'}"
    yield RULE
    yield from subject_lines(review)
    yield from line("Reviewer", _reviewer(review))
    yield from status_lines(review, "Said at")
    yield RULE
    for evaluations in find(review, concepts.QUALITATIVE_EVALUATIONS):
        yield from _said(evaluations)
        yield RULE
    for measurements in find(review, concepts.IMAGING_MEASUREMENTS):
        for group in items(measurements):
            yield from _finding(group)
            yield RULE


def _reviewer(review: Dataset) -> str:
    named = find(review, concepts.PERSON_NAME)
    name = str(named[0].get("PersonName") or "") if named else ""
    parts = [" ".join(name.replace("^", " ").split()) or "name unknown"]
    if login := text_of(review, concepts.LOGIN_NAME):
        parts.append(f"login {login}")
    parts += [
        str(each.VerifyingOrganization)
        for each in review.get("VerifyingObserverSequence", [])
        if each.get("VerifyingOrganization")
    ]
    return ", ".join(parts)


def _said(evaluations: Dataset) -> Iterator[str]:
    for item in find(evaluations, concepts.STANCE):
        yield f"AI result {value_of(item).lower()}"
    for item in find(evaluations, concepts.SUMMARY):
        yield from line("", string_of(item), 2)
    for label, concept in (
        ("Right finding", concepts.RIGHT_FINDING),
        ("Reason", concepts.REVIEW_REASON),
    ):
        for item in find(evaluations, concept):
            yield from line(label, value_of(item), 2)
    for item in find(evaluations, concepts.COMMENT):
        for part in string_of(item).splitlines():
            yield from line("Comment", part, 2)
    for stance in find(evaluations, concepts.STANCE):
        for source in find(stance, concepts.SOURCE):
            reference = source.ReferencedSOPSequence[0]
            yield from line("About report", str(reference.ReferencedSOPInstanceUID), 2)


def _finding(group: Dataset) -> Iterator[str]:
    concept = next((code_of(each) for each in find(group, concepts.FINDING)), None)
    yield f"Finding: {concept.meaning if concept else 'not named'}"
    if concept is not None:
        for item in find(group, concept):
            yield from line("By the person", value_of(item), 2)
    for item in find(group, concepts.RIGHT_FINDING):
        yield from line("Right finding", value_of(item), 2)
    for item in find(group, concepts.FINDING_SITE):
        yield from line("Site", value_of(item), 2)
    yield from line("Tracking UID", text_of(group, concepts.TRACKING_UID), 2)
