"""A review in words, for a person."""

from __future__ import annotations

from inference.domain.finding import Finding
from inference.domain.result import Outcome, Result
from inference.domain.review import Review, Verdict

_VERBS = {
    Verdict.AGREE: "agrees with",
    Verdict.DISAGREE: "disagrees with",
    Verdict.NOT_ASSESSABLE: "cannot assess",
}


def summary(review: Review, result: Result) -> str:
    """Return the whole of it: who, what the AI said, and what is right."""
    model = str(result.model) if result.model else "the rules"
    name = _readable(review.reviewer.name)
    if review.finding is None:
        what = "the whole result" if result.outcome is Outcome.ASSESSED else "that it was not read"
        sentences = [f"{name} {_VERBS[review.verdict]} {what}, by {model}."]
    else:
        found = result.findings[review.finding - 1]
        sentences = [f"{name} {_VERBS[review.verdict]} {model}: {_said_by_ai(found)}."]
        if review.verdict is Verdict.DISAGREE and (presence := review.says(found)) is not None:
            sentences.append(f"Right: {found.finding.meaning.lower()} is {presence.value}.")
    if review.right_finding is not None:
        more = "Besides" if review.verdict is Verdict.AGREE else "There is"
        sentences.append(f"{more}: {review.right_finding.meaning}.")
    if not review.reviewer.authenticated:
        sentences.append("The name is as typed; nobody verified it.")
    return " ".join(sentences)


def comment_of(review: Review) -> str:
    """Return the comment as VR UT holds it: lines end in CR LF (PS3.5 Section 6.2)."""
    return "\r\n".join(review.comment.strip().splitlines())


def _said_by_ai(found: Finding) -> str:
    certainty = f"{100 * found.certainty:.1f} %"
    return f"{found.finding.meaning.lower()} {found.presence.value}, certainty {certainty}"


def _readable(name: str) -> str:
    """Return a Person Name's first group in its spoken order (PS3.5 Section 6.2.1)."""
    family, given, middle, prefix, suffix, *_ = [*name.split("=")[0].split("^"), *[""] * 5]
    parts = (prefix, given, middle, family)
    said = " ".join(each for part in parts if (each := part.strip()))
    return f"{said}, {suffix}" if suffix.strip() else said or name
