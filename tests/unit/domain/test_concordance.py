"""Agreement of people and model, counted."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

from inference.domain.concordance import Concordance, concordance
from inference.domain.finding import Presence
from inference.domain.job import Job, JobState, ModelId
from inference.domain.review import Review, Reviewed, Verdict
from tests.contracts.repositories import MODEL, T0, make_request, make_result
from tests.contracts.reviews import BEN, make_review

PRESENT, ABSENT, UNDETERMINED = Presence.PRESENT, Presence.ABSENT, Presence.UNDETERMINED


def _reviewed(
    ai: Presence,
    said: Presence | None,
    month: int = 1,
    model: ModelId | None = MODEL,
    *more: Review,
) -> Reviewed:
    """Return one result with one Finding and one Review; `said` None: not assessable."""
    found = replace(make_result().findings[0], presence=ai, doubts=())
    result = make_result(
        findings=(found,), model=model, produced_at=datetime(2026, month, 28, tzinfo=UTC)
    )
    plain = {"presence": None, "right_finding": None}
    if said is None:
        review = make_review(verdict=Verdict.NOT_ASSESSABLE, **plain)
    elif said is ai:
        review = make_review(verdict=Verdict.AGREE, **plain)
    else:
        review = make_review(presence=said, right_finding=None)
    job = Job(1, make_request(model=model), JobState.DONE, 1, T0)
    return Reviewed(job, result, (review, *more))


def test_nothing_was_reviewed() -> None:
    assert concordance([]) == ()


def test_the_table_of_four() -> None:
    said = (
        [_reviewed(PRESENT, PRESENT)] * 8
        + [_reviewed(PRESENT, ABSENT)] * 2
        + [_reviewed(ABSENT, PRESENT)] * 1
        + [_reviewed(ABSENT, ABSENT)] * 9
        + [_reviewed(UNDETERMINED, PRESENT)] * 3
        + [_reviewed(UNDETERMINED, UNDETERMINED)] * 2
        + [_reviewed(PRESENT, None)]
    )
    (found,) = concordance(said)
    total = found.total
    assert (found.model, found.finding.meaning) == (MODEL, "Opacity")
    assert (total.reviewed, total.answered, total.not_assessable) == (26, 25, 1)
    assert (total.agreed, total.undetermined) == (19, 5)
    four = (total.true_positive, total.false_positive, total.false_negative, total.true_negative)
    assert four == (8, 2, 1, 9)
    assert total.sensitivity.value == 8 / 9
    assert total.positive_predictive_value.value == 8 / 10
    assert total.specificity.value == 9 / 11
    assert total.agreement.value == 19 / 25
    parts = (total.answered, total.contested, total.not_assessable, total.unanswered)
    assert sum(parts) == total.reviewed


def test_months_and_versions_stand_apart() -> None:
    newer = ModelId(MODEL.name, "2")
    found = concordance(
        [
            _reviewed(PRESENT, PRESENT, 3),
            _reviewed(PRESENT, ABSENT, 1),
            _reviewed(PRESENT, PRESENT, 1, newer),
        ]
    )
    assert [each.model for each in found] == [MODEL, newer]
    months = {month: counts.agreed for month, counts in found[0].months}
    assert months == {"2026-01": 0, "2026-03": 1}
    assert list(months) == sorted(months)


def test_who_contradict_each_other_count_for_neither() -> None:
    ben = make_review(2, verdict=Verdict.AGREE, presence=None, right_finding=None, reviewer=BEN)
    (found,) = concordance([_reviewed(PRESENT, ABSENT, 1, MODEL, ben)])
    assert found.total == Concordance(reviewed=1, contested=1)


def test_what_nobody_answered_or_no_model_read_is_not_counted() -> None:
    on_whole = make_review(finding=None, presence=None, right_finding=None)
    unanswered = replace(_reviewed(PRESENT, PRESENT), reviews=(on_whole,))
    (found,) = concordance([unanswered, _reviewed(PRESENT, PRESENT, model=None)])
    assert found.total == Concordance(reviewed=1, unanswered=1)
    other = replace(_reviewed(PRESENT, PRESENT), reviews=(make_review(finding=2),))
    assert concordance([other]) == ()


def test_no_interval_of_nothing() -> None:
    assert Concordance().sensitivity.bounds is None
    assert set(asdict(Concordance()).values()) == {0}
