"""Reviews and concordance as JSON: what the API answers and `wetread reviews` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from inference.domain.concordance import Concordance, ModelConcordance
from inference.domain.job import Job
from inference.domain.proportion import Proportion
from inference.domain.result import Result, Role
from inference.domain.review import Review, current
from structured_reports.identity import tracking_uids


def describe_review(review: Review, *, superseded: bool) -> dict[str, Any]:
    return {
        "review": review.review_id,
        "job": review.job_id,
        "study_instance_uid": review.study_instance_uid,
        "finding": review.finding,
        "verdict": review.verdict.value,
        "assessment": review.stance.value,
        "presence": review.presence.value if review.presence else None,
        "right_finding": asdict(review.right_finding) if review.right_finding else None,
        "reason": review.reason.value if review.reason else None,
        "comment": review.comment,
        "reviewer": asdict(review.reviewer),
        "reviewed_at": review.reviewed_at.isoformat(),
        "sop_instance_uid": review.report.sop_instance_uid if review.report else None,
        "superseded": superseded,
    }


def describe_reviews(reviews: Sequence[Review]) -> list[dict[str, Any]]:
    """`reviews`: all of the Jobs that they are of, the oldest first."""
    counting = {each.review_id for each in current(reviews)}
    return [describe_review(each, superseded=each.review_id not in counting) for each in reviews]


def describe_result(job: Job, result: Result, reviews: Sequence[Review]) -> dict[str, Any]:
    """Return what there is to review, and what was said of it. No patient data."""
    report = next((each for each in result.objects if each.role is Role.REPORT), None)
    return {
        "job": job.job_id,
        "study_instance_uid": result.study_instance_uid,
        "revision": result.revision,
        "model": asdict(result.model) if result.model else None,
        "outcome": result.outcome.value,
        "failed": result.failed,
        "produced_at": result.produced_at.isoformat(),
        "report": report.sop_instance_uid if report else None,
        "findings": [
            {
                "finding": number,
                "code": asdict(found.finding),
                "site": asdict(found.site),
                "presence": found.presence.value,
                "certainty": found.certainty,
                "threshold": found.threshold,
                "sop_instance_uid": found.sop_instance_uid,
                "tracking_uid": tracking_uid,
            }
            for number, (found, tracking_uid) in enumerate(tracking_uids(result), 1)
        ],
        "reviews": describe_reviews(reviews),
    }


def describe_concordance(since: datetime, found: Iterable[ModelConcordance]) -> dict[str, Any]:
    """Shares come with their 95 % interval, and are null where nothing was counted."""
    return {
        "since": since.isoformat(),
        "models": [
            {
                "model": each.model.name,
                "version": each.model.version,
                "finding": asdict(each.finding),
                "total": _counts(each.total),
                "months": [{"month": month, **_counts(of)} for month, of in each.months],
            }
            for each in found
        ],
    }


def months_ago(now: datetime, months: int) -> datetime:
    """Return the first moment, in UTC, of the month so many before that of `now`."""
    index = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 - months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def _counts(of: Concordance) -> dict[str, Any]:
    return {
        **{each.name: getattr(of, each.name) for each in fields(of)},
        "agreement": _share(of.agreement),
        "sensitivity": _share(of.sensitivity),
        "specificity": _share(of.specificity),
        "positive_predictive_value": _share(of.positive_predictive_value),
    }


def _share(share: Proportion) -> dict[str, Any] | None:
    if share.value is None or share.bounds is None:
        return None
    low, high = share.bounds
    return {"value": share.value, "low": low, "high": high, "of": share.of}
