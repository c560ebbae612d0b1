"""What people say of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from inference.domain.code import Code
from inference.domain.concordance import concordance
from inference.domain.errors import InvalidReview
from inference.domain.finding import Presence
from inference.domain.listing import ReviewQuery
from inference.domain.review import Review, Reviewer, ReviewReason, Stance, Verdict
from inference.domain.uid import check_uid
from inference.intake.reviewing import ReviewDesk
from wetread.bootstrap import Stores, SystemClock
from wetread.reviews import describe_concordance, describe_result, describe_review, months_ago
from wetread.web.api.codes import CodeBody
from wetread.web.api.paging import LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import JobNumber
from wetread.web.api.route import CHANGES, Shown, problems, router
from wetread.web.problems import NotAuthenticated, NotFound


@dataclass(frozen=True, slots=True)
class Reviewing:
    """`header` names the request header in which a trusted proxy says who it is, "" for none."""

    desk: ReviewDesk
    header: str = ""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReviewerBody(_Body):
    """Who says it, where no proxy does. `name` as a Person Name or plain; else the `id`."""

    id: str = Field(examples=["ann"])
    name: str = Field(default="", examples=["Arzt^Anna"])


class ReviewBody(_Body):
    """`finding` is its number in the result, from 1; without it, the whole result is meant."""

    verdict: Verdict
    finding: int | None = Field(default=None, ge=1, le=1_000_000)
    presence: Presence | None = Field(default=None, description="What it is, for who disagrees.")
    right_finding: CodeBody | None = Field(default=None, description="There as well or instead.")
    reason: ReviewReason | None = None
    comment: str = ""
    reviewer: ReviewerBody | None = None


class ReviewerShown(Shown):
    id: str
    name: str
    authenticated: bool = Field(description="A proxy says so; else it is what was typed.")


class ReviewShown(Shown):
    """What a person says of a finding, or of a whole result."""

    review: int = Field(description="Its number.")
    job: int = Field(description="The number of the result's job.")
    study_instance_uid: str
    finding: int | None = Field(description="Null: the whole result.")
    verdict: Verdict
    assessment: Stance = Field(description="The same in the words of IHE AIRA.")
    presence: Presence | None
    right_finding: CodeBody | None
    reason: ReviewReason | None
    comment: str
    reviewer: ReviewerShown
    reviewed_at: AwareDatetime
    sop_instance_uid: str | None = Field(description="Of the Structured Report that says it.")
    superseded: bool = Field(description="The same person said something else later.")


class ReviewListed(Shown):
    """A review in a list of all: whether it is superseded stands with the result."""

    review: int
    job: int
    study_instance_uid: str
    finding: int | None
    verdict: Verdict
    assessment: Stance
    presence: Presence | None
    right_finding: CodeBody | None
    reason: ReviewReason | None
    comment: str
    reviewer: ReviewerShown
    reviewed_at: AwareDatetime
    sop_instance_uid: str | None


class ModelShown(Shown):
    name: str
    version: str


class ReviewableFinding(Shown):
    finding: int
    code: CodeBody
    site: CodeBody
    presence: Presence
    certainty: float
    threshold: float
    sop_instance_uid: str
    tracking_uid: str


class ReviewedResult(Shown):
    """A result with what there is to review, and every review, the oldest first."""

    job: int
    study_instance_uid: str
    revision: int
    model: ModelShown | None
    outcome: str
    failed: bool
    produced_at: AwareDatetime
    report: str | None = Field(description="SOP Instance UID of the AI's report.")
    findings: list[ReviewableFinding]
    reviews: list[ReviewShown]


class ReviewFilter(Filter):
    study_instance_uid: str = Field(default="", max_length=64)
    job: int | None = Field(default=None, ge=1, le=2**63 - 1)
    verdict: Verdict | None = None


def build_reviews(stores: Stores, reviewing: Reviewing | None) -> APIRouter:
    api = router("reviews")

    @api.get("/reviews", responses=problems(400) | {200: LINKED})
    def list_reviews(
        asked: Annotated[ReviewFilter, Query()], request: Request, response: Response
    ) -> Page[ReviewListed]:
        """Every review, also what is superseded, the newest first."""
        found = stores.listing.reviews(
            ReviewQuery(
                study_instance_uid=check_uid(asked.study_instance_uid)
                if asked.study_instance_uid
                else "",
                job_id=asked.job,
                verdict=asked.verdict,
                limit=asked.limit + 1,
                before=before("review", asked.cursor),
            )
        )
        page = cut("review", found, asked.limit, lambda each: each.review_id, _listed)
        return with_link(page, request, response)

    @api.post(
        "/results/{job_id}/reviews",
        status_code=201,
        responses=problems(401, 404, *CHANGES)
        | {200: {"model": ReviewShown, "description": "The same person said the same already."}},
    )
    def post_review(
        job_id: JobNumber, body: ReviewBody, request: Request, response: Response
    ) -> ReviewShown:
        """Agree or disagree with a result. 200 where the same person said the same already."""
        if reviewing is None:
            raise NotFound("this node takes no reviews")
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
        return ReviewShown(**describe_review(review, superseded=False))

    @api.get("/results/{job_id}/reviews", responses=problems(404))
    def get_reviews(job_id: JobNumber) -> ReviewedResult:
        """A result with its findings, and every review of it, the oldest first."""
        job, result = stores.queue.job(job_id), stores.results.of_job(job_id)
        if job is None or result is None or job.request.shadow:
            raise NotFound(f"no result of a job {job_id} was delivered")
        return ReviewedResult(**describe_result(job, result, stores.reviews.of_job(job_id)))

    @api.get("/concordance", responses=problems())
    def get_concordance(
        months: Annotated[int, Query(ge=1, le=120, description="This one and those before.")] = 12,
    ) -> dict[str, Any]:
        """How far people agree with each model and version, month by month."""
        since = months_ago(SystemClock().now(), months - 1)
        return describe_concordance(since, concordance(stores.reviews.reviewed(since)))

    return api


def _listed(review: Review) -> ReviewListed:
    said = describe_review(review, superseded=False)
    del said["superseded"]
    return ReviewListed(**said)


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
