"""What people say of a result: the answer of IHE AI Result Assessment (AIRA).

A Review is about one Finding, or about the whole result. Nothing is ever altered or deleted:
a later Review of the same person on the same thing supersedes the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.domain.characters import is_graphic
from inference.domain.code import Code
from inference.domain.errors import InvalidReview
from inference.domain.finding import Finding, Presence
from inference.domain.job import Job
from inference.domain.result import Result, ResultObject

_MAX_CODE = 16  # characters of SH, PS3.5 Section 6.2
_MAX_NAME = 64  # characters of LO, and of a component group of PN
_MAX_COMMENT = 2000  # characters
_GROUPS, _COMPONENTS = 3, 5  # of a Person Name


class Verdict(StrEnum):
    AGREE = "agree"
    DISAGREE = "disagree"
    NOT_ASSESSABLE = "not assessable"  # neither can be said from what there is


class Stance(StrEnum):
    """The same in the words of AIRA."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPPLEMENTED = "supplemented"  # accepted, with a finding that the AI does not name
    NOT_ASSESSED = "not assessed"


class ReviewReason(StrEnum):
    """Each has its coded concept in `structured_reports/concepts.py`."""

    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    OTHER_FINDING = "other finding"
    WRONG_PLACE = "wrong place"
    ARTEFACT = "artefact"
    POOR_IMAGE = "poor image"
    NOT_SUITABLE = "not suitable"  # the model should not have read this
    OTHER_EVIDENCE = "other evidence"  # priors, other images, the clinic
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """`authenticated`: somebody trusted says so; else it is what the person typed."""

    id: str
    name: str
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """`finding` counts from 1 in `Result.findings`; None is the whole result.

    `presence` is what the Finding is in truth. `right_finding` is there as well or instead:
    what the AI took for something else, or did not name. `report` is the object that says it.
    """

    job_id: int
    study_instance_uid: str
    finding: int | None
    verdict: Verdict
    reviewer: Reviewer
    reviewed_at: datetime
    presence: Presence | None = None
    right_finding: Code | None = None
    reason: ReviewReason | None = None
    comment: str = ""
    report: ResultObject | None = None
    review_id: int = 0

    @property
    def stance(self) -> Stance:
        if self.verdict is Verdict.NOT_ASSESSABLE:
            return Stance.NOT_ASSESSED
        if self.verdict is Verdict.DISAGREE:
            return Stance.REJECTED
        return Stance.ACCEPTED if self.right_finding is None else Stance.SUPPLEMENTED

    @property
    def about(self) -> tuple[int, int | None, str]:
        """What is superseded by a later Review that has the same."""
        return self.job_id, self.finding, self.reviewer.id

    def says(self, found: Finding) -> Presence | None:
        """Return what `found` is in this person's eyes; None where they do not say."""
        if self.verdict is Verdict.AGREE:
            return found.presence
        if self.verdict is Verdict.NOT_ASSESSABLE or self.finding is None:
            return None
        if self.presence is not None:
            return self.presence
        # Something else is there in its place.
        return Presence.ABSENT if self.right_finding is not None else None


def check_review(review: Review, job: Job, result: Result) -> None:
    """Raise `InvalidReview`, with a sentence for a person, unless it fits `result`."""
    if job.request.shadow:
        raise InvalidReview("a result in shadow was shown to nobody, so nobody can review it")
    if result.failed:
        raise InvalidReview("the processing failed: there is nothing to review, only to replay")
    count = len(result.findings)
    if review.finding is not None and not 1 <= review.finding <= count:
        raise InvalidReview(f"there is no finding {review.finding}: the result has {count}")
    _check_person(review.reviewer)
    if len(review.comment) > _MAX_COMMENT or not _is_text(review.comment):
        raise InvalidReview(f"a comment is text of at most {_MAX_COMMENT} characters")
    if review.right_finding is not None:
        _check_code(review.right_finding)
    _check_answer(review, result)


def _check_answer(review: Review, result: Result) -> None:
    if review.verdict is not Verdict.DISAGREE and review.presence is not None:
        raise InvalidReview("`presence` is for who disagrees; who agrees takes the AI's")
    if review.verdict is Verdict.NOT_ASSESSABLE and review.right_finding is not None:
        raise InvalidReview("what cannot be assessed has no right finding")
    if review.finding is None:
        if review.presence is not None:
            raise InvalidReview("`presence` is of one finding: say which, by its number")
        return
    found = result.findings[review.finding - 1]
    if review.right_finding is not None and _key(review.right_finding) == _key(found.finding):
        raise InvalidReview("the right finding is the AI's own; say its `presence` instead")
    if review.verdict is not Verdict.DISAGREE:
        return
    if review.presence is None and review.right_finding is None:
        raise InvalidReview("who disagrees says what is right: `presence`, `right_finding` or both")
    if review.presence is found.presence:
        raise InvalidReview(f"the AI says {found.presence.value}, too: that is to agree")


def current(reviews: Iterable[Review]) -> tuple[Review, ...]:
    """Return what still counts, the oldest first. `reviews`: in the order they were kept."""
    newest: dict[tuple[int, int | None, str], Review] = {}
    for each in reviews:
        newest.pop(each.about, None)
        newest[each.about] = each
    return tuple(newest.values())


@dataclass(frozen=True, slots=True)
class Answer:
    """What people say of one Finding, all together.

    `presence` is None where nobody says, or where they contradict each other (`contested`).
    `by` are the Reviews that count for it, the oldest first.
    """

    presence: Presence | None
    contested: bool
    not_assessable: bool
    by: tuple[Review, ...]


def answer(result: Result, number: int, reviews: Sequence[Review]) -> Answer:
    """Return the answer to Finding `number` (from 1) of `result`, by its current Reviews.

    What a person says of the Finding goes before what they say of the whole.
    """
    found = result.findings[number - 1]
    own = {each.reviewer.id for each in reviews if each.finding == number}
    by = tuple(
        each
        for each in reviews
        if each.finding == number or (each.finding is None and each.reviewer.id not in own)
    )
    said = [each for each in dict.fromkeys(each.says(found) for each in by) if each is not None]
    return Answer(
        presence=said[0] if len(said) == 1 else None,
        contested=len(said) > 1,
        not_assessable=not said and any(each.verdict is Verdict.NOT_ASSESSABLE for each in by),
        by=by,
    )


def _key(code: Code) -> tuple[str, str]:
    return code.scheme, code.value


def _check_person(reviewer: Reviewer) -> None:
    for what, text in (("id", reviewer.id), ("name", reviewer.name)):
        if not _is_line(text, _MAX_NAME):
            raise InvalidReview(f"the reviewer's {what} is a line of 1 to {_MAX_NAME} characters")
    groups = reviewer.name.split("=")
    if len(groups) > _GROUPS or any(each.count("^") >= _COMPONENTS for each in groups):
        raise InvalidReview("the reviewer's name is no Person Name (PS3.5 Section 6.2)")


def _check_code(code: Code) -> None:
    sizes = ((code.value, _MAX_CODE), (code.scheme, _MAX_CODE), (code.meaning, _MAX_NAME))
    if not all(_is_line(text, size) for text, size in sizes):
        raise InvalidReview(
            "a finding has a code value and a scheme of 1 to 16 characters, "
            "and a meaning of 1 to 64 (PS3.3 Section 8)"
        )


def _is_line(text: str, most: int) -> bool:
    return bool(text.strip()) and len(text) <= most and is_graphic(text) and "\\" not in text


def _is_text(text: str) -> bool:
    return all(is_graphic(each) or each in "\t\r\n" for each in text)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A result with every Review of it that counts, the oldest first."""

    job: Job
    result: Result
    reviews: tuple[Review, ...]

    def answers(self) -> tuple[tuple[Finding, Answer], ...]:
        """Return each Finding with what people say of it."""
        return tuple(
            (found, answer(self.result, number, self.reviews))
            for number, found in enumerate(self.result.findings, 1)
        )
