"""From reviews to labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference.domain.code import Code
from inference.domain.finding import Finding, Presence
from inference.domain.job import Job, JobState
from inference.domain.label import Label, labelled
from inference.domain.review import Review, Reviewed, Verdict
from tests.contracts.repositories import T0, make_request, make_result
from tests.contracts.reviews import BEN, make_review

OPACITY = ("99TEST", "1")
ATELECTASIS = Code("46621007", "SCT", "Atelectasis")
IMAGE = "1.2.3.1.1"


def _found(**changes: Any) -> Finding:
    plain: dict[str, Any] = {"presence": Presence.PRESENT, "doubts": ()}
    return replace(make_result().findings[0], **plain | changes)


def _reviewed(*reviews: Review, findings: tuple[Finding, ...] = (), job_id: int = 1) -> Reviewed:
    job = Job(job_id, make_request(), JobState.DONE, 1, T0)
    result = make_result(findings=findings or (_found(),))
    return Reviewed(job, result, reviews)


def _agree(finding: int | None = 1, **changes: Any) -> Review:
    plain: dict[str, Any] = {"verdict": Verdict.AGREE, "presence": None, "right_finding": None}
    return make_review(finding=finding, **plain | changes)


def _only(*reviewed: Reviewed) -> dict[tuple[str, str], Label]:
    (case,) = labelled(reviewed)
    assert (case.place.uid, case.place.is_series) == (IMAGE, False)
    return case.labels


def test_who_agrees_labels_as_the_ai_said() -> None:
    label = _only(_reviewed(_agree()))[OPACITY]
    assert label.presence is Presence.PRESENT
    assert label.finding == _found()


def test_who_names_another_finding_labels_both() -> None:
    labels = _only(_reviewed(make_review(right_finding=ATELECTASIS)))
    assert labels[OPACITY].presence is Presence.ABSENT
    assert labels["SCT", "46621007"].presence is Presence.PRESENT
    assert labels["SCT", "46621007"].finding is None


def test_who_contradict_each_other_label_nothing() -> None:
    label = _only(_reviewed(_agree(), make_review(2, right_finding=None, reviewer=BEN)))[OPACITY]
    assert (label.presence, label.why) == (None, "people contradict each other")


def test_what_cannot_be_assessed_is_not_labelled() -> None:
    unclear = _agree(verdict=Verdict.NOT_ASSESSABLE)
    assert _only(_reviewed(unclear))[OPACITY].why == "not assessable"


def test_boxes_of_one_concept_make_one_label() -> None:
    boxes = (_found(certainty=0.6), _found(certainty=0.9))
    absent = make_review(right_finding=None)
    one_is_there = _reviewed(absent, _agree(2), findings=boxes)
    assert _only(one_is_there)[OPACITY].presence is Presence.PRESENT
    assert _only(one_is_there)[OPACITY].finding == boxes[1]
    none = _reviewed(absent, replace(absent, finding=2), findings=boxes)
    assert _only(none)[OPACITY].presence is Presence.ABSENT


def test_a_finding_of_the_whole_has_a_place_only_where_there_is_one() -> None:
    more = _agree(None, right_finding=ATELECTASIS)
    assert ("SCT", "46621007") in _only(_reviewed(more))
    two = (_found(), _found(sop_instance_uid="1.2.3.1.2"))
    for case in labelled([_reviewed(more, findings=two)]):
        assert set(case.labels) == {OPACITY}


def test_of_several_results_the_newest_counts() -> None:
    old = _reviewed(make_review(right_finding=None))
    new = _reviewed(_agree(job_id=2), job_id=2)
    assert _only(old, new)[OPACITY].presence is Presence.PRESENT
    (case,) = labelled([old, new])
    assert case.reviewed.job.job_id == 2


def test_a_series_is_one_place() -> None:
    found = _found(series_instance_uid="1.2.3.1")
    (case,) = labelled([_reviewed(_agree(), findings=(found,))])
    assert (case.place.uid, case.place.is_series) == ("1.2.3.1", True)
    assert case.place.instances == make_request().instances


def test_nothing_said_is_no_label() -> None:
    assert labelled([_reviewed(_agree(2))]) == ()
