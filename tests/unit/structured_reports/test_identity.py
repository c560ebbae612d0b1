"""UIDs: the same for the same, another for anything else."""

from __future__ import annotations

from dataclasses import replace

from inference.domain.job import ModelId
from inference.domain.result import Result, ResultObject, Role
from inference.domain.uid import check_uid
from inference.ports import Evidence
from structured_reports import identity
from tests.support.sources import assessed, finding_of


def _result(evidence: Evidence) -> Result:
    return assessed(evidence.instance, [finding_of(evidence.instance)])


def test_the_same_result_has_the_same_uids(evidence: Evidence) -> None:
    one, two = _result(evidence), _result(evidence)
    assert identity.instance_uid(one, Role.REPORT) == identity.instance_uid(two, Role.REPORT)
    assert identity.series_uid(one, Role.REPORT) == identity.series_uid(two, Role.REPORT)


def test_anything_else_has_other_uids(evidence: Evidence) -> None:
    result = _result(evidence)
    others = [
        result,
        replace(result, revision=2),
        replace(result, study_instance_uid="1.2.3"),
        replace(result, model=ModelId("other", "1.2.0")),
        replace(result, model=ModelId("chest-pneumonia", "1.2.1")),
        replace(result, model=None),
        replace(result, failed=True),  # it may be replayed, and is told apart then
    ]
    uids = [
        *(identity.instance_uid(each, role, source) for each in others for role in Role
          for source in ("", "1.2.3")),
        *(identity.series_uid(each, role) for each in others for role in Role),
    ]  # fmt: skip
    assert len(set(uids)) == len(uids)
    assert all(check_uid(each).startswith("2.25.") for each in uids)


def test_tracking_outlives_revision_and_version(evidence: Evidence) -> None:
    result = _result(evidence)
    later = replace(result, revision=4, model=ModelId("chest-pneumonia", "2.0.0"))
    assert [uid for _, uid in identity.tracking_uids(result)] == [
        uid for _, uid in identity.tracking_uids(later)
    ]


def test_each_finding_is_tracked_on_its_own(evidence: Evidence) -> None:
    finding = finding_of(evidence.instance)
    result = assessed(evidence.instance, [finding, replace(finding, frame=2), finding])
    assert len({uid for _, uid in identity.tracking_uids(result)}) == 3


def test_only_the_report_is_a_predecessor(evidence: Evidence) -> None:
    objects = tuple(
        ResultObject(role, "1.1", f"1.2.{number}", "1.3", "1.4", "key")
        for number, role in enumerate(Role)
    )
    previous = replace(_result(evidence), objects=objects)
    assert identity.predecessors(previous) == [("1.4", "1.3", "1.1", "1.2.0")]
    assert identity.predecessors(None) == ()
