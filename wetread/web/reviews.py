"""What people say of results, by HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from inference.domain.code import Code
from inference.domain.concordance import concordance
from inference.domain.errors import InvalidReview
from inference.domain.finding import Presence
from inference.domain.review import Reviewer, ReviewReason, Verdict
from inference.intake.reviewing import ReviewDesk
from wetread.bootstrap import Stores, SystemClock
from wetread.reviews import describe_concordance, describe_result, describe_review, months_ago
from wetread.web.guarded import GuardedRoute
from wetread.web.problems import NotAuthenticated, NotFound

JobNumber = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the result's job.")]


@dataclass(frozen=True, slots=True)
class Reviewing:
    """`header` names the request header in which a trusted proxy says who it is, "" for none."""

    desk: ReviewDesk
    header: str = ""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeBody(_Body):
    """A coded entry (PS3.3 Section 8)."""

    value: str
    scheme: str
    meaning: str


class ReviewerBody(_Body):
    """Who says it, where no proxy does. `name` as a Person Name or plain; else the `id`."""

    id: str
    name: str = ""


class ReviewBody(_Body):
    """`finding` is its number in the result, from 1; without it, the whole result is meant."""

    verdict: Verdict
    finding: int | None = Field(default=None, ge=1)
    presence: Presence | None = None
    right_finding: CodeBody | None = None
    reason: ReviewReason | None = None
    comment: str = ""
    reviewer: ReviewerBody | None = None


def build_router(stores: Stores, reviewing: Reviewing) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["reviews"], route_class=GuardedRoute)

    @router.post("/results/{job_id}/reviews", status_code=201)
    def post_review(
        job_id: JobNumber, body: ReviewBody, request: Request, response: Response
    ) -> dict[str, Any]:
        """Agree or disagree with a result. 200 where the same person said the same already."""
        reviewer = _reviewer(body, request, reviewing.header)
        found = reviewing.desk.find(job_id)
        if found is None:
            raise NotFound(f"no result of a job {job_id} was delivered")
        right = body.right_finding
        review, new = reviewing.desk.take(
            *found,
            reviewer,
            body.verdict,
            finding=body.finding,
            presence=body.presence,
            right_finding=None if right is None else Code(right.value, right.scheme, right.meaning),
            reason=body.reason,
            comment=body.comment,
        )
        if not new:
            response.status_code = 200
        return describe_review(review, superseded=False)

    @router.get("/results/{job_id}/reviews")
    def get_reviews(job_id: JobNumber) -> dict[str, Any]:
        """A result with its findings, and every review of it, the oldest first."""
        job, result = stores.queue.job(job_id), stores.results.of_job(job_id)
        if job is None or result is None or job.request.shadow:
            raise NotFound(f"no result of a job {job_id} was delivered")
        return describe_result(job, result, stores.reviews.of_job(job_id))

    @router.get("/concordance")
    def get_concordance(
        months: Annotated[int, Query(ge=1, le=120, description="This one and those before.")] = 12,
    ) -> dict[str, Any]:
        """How far people agree with each model and version, month by month."""
        since = months_ago(SystemClock().now(), months - 1)
        return describe_concordance(since, concordance(stores.reviews.reviewed(since)))

    return router


def _reviewer(body: ReviewBody, request: Request, header: str) -> Reviewer:
    """Return who it is: by the header where one is trusted, and then by nothing else."""
    told = body.reviewer
    if header:
        known = request.headers.get(header, "").strip()
        if not known:
            raise NotAuthenticated(f"the request has no header {header}")
        if told is not None and (told.id != known or told.name not in ("", known)):
            raise InvalidReview("`reviewer` is not who the proxy says; leave it out")
        return Reviewer(known, known, authenticated=True)
    if told is None:
        raise InvalidReview("say who you are: `reviewer` with `id`, and `name` if you like")
    return Reviewer(told.id.strip(), told.name.strip() or told.id.strip())
