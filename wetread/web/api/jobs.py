"""Jobs: one model asked to read one revision of one Study."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from inference.domain.job import Job, JobState
from inference.domain.listing import JobQuery
from inference.domain.uid import check_uid
from wetread.bootstrap import Stores
from wetread.web.api.links import Links
from wetread.web.api.paging import LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import JobNumber, Text
from wetread.web.api.reviews import ModelShown
from wetread.web.api.route import CHANGES, Shown, problems, router
from wetread.web.problems import NotFailed, NotFound


class JobLinks(Shown):
    study: str
    result: str | None = Field(description="Once it has ended; null for one in shadow.")
    deliveries: str


class JobBody(Shown):
    job: int = Field(description="Its number.")
    url: str
    study_instance_uid: str
    revision: int
    model: ModelShown | None = Field(description="Null where no rule takes the study.")
    rule: str
    priority: str = Field(examples=["medium"])
    shadow: bool = Field(description="Read and recorded, but shown to nobody.")
    state: JobState
    attempts: int
    enqueued_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    error: str = Field(description="Why the last attempt broke.")
    instances: int = Field(description="How many Instances it reads.")
    links: JobLinks


class JobDetail(JobBody):
    sop_instance_uids: list[str] = Field(description="In the order in which they are read.")


class JobFilter(Filter):
    study_instance_uid: str = Field(default="", max_length=64)
    state: JobState | None = None
    model: Text = ""
    shadow: bool | None = None


class Nothing(Shown):
    """An empty object."""


class ReplayedJob(Shown):
    job: int
    state: JobState


_ENDED = (JobState.DONE, JobState.REFUSED, JobState.FAILED)


def build_jobs(stores: Stores) -> APIRouter:
    api = router("jobs")

    @api.get("/jobs", responses=problems(400) | {200: LINKED})
    def list_jobs(
        asked: Annotated[JobFilter, Query()], request: Request, response: Response
    ) -> Page[JobBody]:
        """Jobs, the newest first, those in shadow among them."""
        study = asked.study_instance_uid
        found = stores.listing.jobs(
            JobQuery(
                study_instance_uid=check_uid(study) if study else "",
                state=asked.state,
                model=asked.model,
                shadow=asked.shadow,
                limit=asked.limit + 1,
                before=before("job", asked.cursor),
            )
        )
        shown = partial(shown_job, links=Links(request))
        page = cut("job", found, asked.limit, lambda each: each.job_id, shown)
        return with_link(page, request, response)

    @api.get("/jobs/{job_id}", responses=problems(404))
    def get_job(job_id: JobNumber, request: Request) -> JobDetail:
        """A job, with what it reads."""
        found = stores.queue.job(job_id)
        if found is None:
            raise NotFound(f"there is no job {job_id}")
        shown = shown_job(found, Links(request))
        return JobDetail(**dict(shown), sop_instance_uids=list(found.request.instances))

    @api.post("/jobs/{job_id}/replay", responses=problems(404, 409, *CHANGES))
    def replay_job(job_id: JobNumber, body: Nothing) -> ReplayedJob:
        """Queue a failed job again, and forget its result."""
        if stores.queue.replay(job_id, stores.clock.now()):
            return ReplayedJob(job=job_id, state=JobState.QUEUED)
        if stores.queue.job(job_id) is None:
            raise NotFound(f"there is no job {job_id}")
        raise NotFailed(f"the job {job_id} has not failed")

    return api


def shown_job(job: Job, links: Links) -> JobBody:
    asked = job.request
    has_result = job.state in _ENDED and not asked.shadow
    return JobBody(
        job=job.job_id,
        url=links.api("jobs", job.job_id),
        study_instance_uid=asked.study_instance_uid,
        revision=asked.revision,
        model=ModelShown(name=asked.model.name, version=asked.model.version)
        if asked.model
        else None,
        rule=asked.rule,
        priority=asked.priority.name.lower(),
        shadow=asked.shadow,
        state=job.state,
        attempts=job.attempts,
        enqueued_at=job.enqueued_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        error=job.error,
        instances=len(asked.instances),
        links=JobLinks(
            study=links.api("studies", asked.study_instance_uid),
            result=links.api("results", job.job_id) if has_result else None,
            deliveries=f"{links.api('deliveries')}?job={job.job_id}",
        ),
    )
