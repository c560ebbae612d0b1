"""What a Review may say, which one counts, and what all of them come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.domain.code import Code
from inference.domain.errors import InvalidReview
from inference.domain.finding import Presence
from inference.domain.job import Job, JobState
from inference.domain.result import Outcome, Result
from inference.domain.review import (
    Review,
    Reviewer,
    Stance,
    Verdict,
    answer,
    check_review,
    current,
)
from tests.contracts.repositories import T0, at, make_failure, make_request, make_result
from tests.contracts.reviews import ANN, BEN, make_review

OTHER = Code("46621007", "SCT", "Atelectasis")


def _result(presence: Presence = Presence.PRESENT) -> Result:
    found = replace(make_result().findings[0], presence=presence, doubts=())
    return make_result(findings=(found,))


def _job(**changes: Any) -> Job:
    return Job(1, make_request(**changes), JobState.DONE, 1, T0)


def _say(verdict: Verdict, **changes: Any) -> Review:
    plain: dict[str, Any] = {
        "verdict": verdict,
        "presence": None,
        "right_finding": None,
        "reason": None,
        "comment": "",
    }
    return make_review(**plain | changes)


AGREE = _say(Verdict.AGREE)
ABSENT = _say(Verdict.DISAGREE, presence=Presence.ABSENT)
INSTEAD = _say(Verdict.DISAGREE, right_finding=OTHER)
BESIDES = _say(Verdict.AGREE, right_finding=OTHER)
UNCLEAR = _say(Verdict.NOT_ASSESSABLE)
WHOLE = _say(Verdict.DISAGREE, finding=None)


@pytest.mark.parametrize("review", [AGREE, ABSENT, INSTEAD, BESIDES, UNCLEAR, WHOLE, make_review()])
def test_what_fits(review: Review) -> None:
    check_review(review, _job(), _result())


@pytest.mark.parametrize(
    ("review", "why"),
    [
        (_say(Verdict.DISAGREE), "what is right"),
        (_say(Verdict.DISAGREE, presence=Presence.PRESENT), "that is to agree"),
        (_say(Verdict.AGREE, presence=Presence.PRESENT), "who disagrees"),
        (_say(Verdict.NOT_ASSESSABLE, right_finding=OTHER), "no right finding"),
        (replace(ABSENT, finding=None), "which, by its number"),
        (replace(ABSENT, finding=0), "no finding 0: the result has 1"),
        (replace(ABSENT, finding=2), "no finding 2"),
        (replace(INSTEAD, right_finding=Code("1", "99TEST", "Opacity")), "AI's own"),
        (replace(INSTEAD, right_finding=Code("1" * 17, "SCT", "x")), "code value"),
        (replace(INSTEAD, right_finding=Code("1", "SCT", " ")), "meaning"),
        (replace(INSTEAD, right_finding=Code("1", "S\\T", "x")), "scheme"),
        (replace(AGREE, comment="x" * 2001), "2000 characters"),
        (replace(AGREE, comment="\ud800"), "text"),
        (replace(AGREE, comment="\x00"), "text"),
        (replace(AGREE, reviewer=Reviewer("", "Ann")), "id"),
        (replace(AGREE, reviewer=Reviewer("ann", "A\nB")), "name"),
        (replace(AGREE, reviewer=Reviewer("ann", "a^b^c^d^e^f")), "Person Name"),
    ],
)
def test_what_does_not_fit(review: Review, why: str) -> None:
    with pytest.raises(InvalidReview, match=why):
        check_review(review, _job(), _result())


@pytest.mark.parametrize("name", ["山田　太郎", "علی\u200cرضا"])
def test_a_name_is_written_as_its_language_writes_it(name: str) -> None:
    check_review(replace(AGREE, reviewer=Reviewer("ann", name), comment=name), _job(), _result())


def test_results_that_nobody_can_review() -> None:
    with pytest.raises(InvalidReview, match="shadow"):
        check_review(AGREE, _job(shadow=True), _result())
    with pytest.raises(InvalidReview, match="replay"):
        check_review(replace(AGREE, finding=None), _job(), make_failure())


def test_a_refusal_can_be_reviewed_as_a_whole() -> None:
    refused = make_result(outcome=Outcome.NOT_ASSESSED, findings=())
    check_review(WHOLE, _job(), refused)
    with pytest.raises(InvalidReview, match="has 0"):
        check_review(ABSENT, _job(), refused)


@pytest.mark.parametrize(
    ("review", "stance"),
    [
        (AGREE, Stance.ACCEPTED),
        (BESIDES, Stance.SUPPLEMENTED),
        (ABSENT, Stance.REJECTED),
        (INSTEAD, Stance.REJECTED),
        (UNCLEAR, Stance.NOT_ASSESSED),
    ],
)
def test_the_words_of_aira(review: Review, stance: Stance) -> None:
    assert review.stance is stance


def test_a_later_review_of_the_same_person_on_the_same_supersedes() -> None:
    by_ben = replace(ABSENT, reviewer=BEN, review_id=2)
    on_whole = replace(WHOLE, review_id=3)
    later = replace(AGREE, reviewed_at=at(999), review_id=4)
    elsewhere = replace(AGREE, job_id=2, review_id=5)
    assert current([ABSENT, by_ben, on_whole, later, elsewhere]) == (
        by_ben,
        on_whole,
        later,
        elsewhere,
    )


@pytest.mark.parametrize(
    ("reviews", "presence", "contested"),
    [
        ([], None, False),
        ([AGREE], Presence.PRESENT, False),
        ([BESIDES], Presence.PRESENT, False),
        ([ABSENT], Presence.ABSENT, False),
        ([INSTEAD], Presence.ABSENT, False),
        ([make_review(presence=Presence.UNDETERMINED)], Presence.UNDETERMINED, False),
        ([UNCLEAR], None, False),
        ([AGREE, replace(ABSENT, reviewer=BEN)], None, True),
        ([UNCLEAR, replace(ABSENT, reviewer=BEN)], Presence.ABSENT, False),
        ([replace(AGREE, finding=None)], Presence.PRESENT, False),
        ([replace(AGREE, finding=None), ABSENT], Presence.ABSENT, False),
        ([WHOLE], None, False),
    ],
)
def test_what_all_of_them_come_to(
    reviews: list[Review], presence: Presence | None, contested: bool
) -> None:
    found = answer(_result(), 1, reviews)
    assert (found.presence, found.contested) == (presence, contested)


def test_nobody_can_say() -> None:
    assert answer(_result(), 1, [UNCLEAR]).not_assessable
    assert not answer(_result(), 1, [UNCLEAR, replace(AGREE, reviewer=BEN)]).not_assessable
    assert answer(_result(), 1, [UNCLEAR]).by == (UNCLEAR,)
    assert ANN.id not in {each.reviewer.id for each in answer(_result(), 1, []).by}
