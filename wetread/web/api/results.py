"""Results: what each Job ended in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from inference.domain.finding import Presence
from inference.domain.listing import Listed, ResultQuery
from inference.domain.result import Outcome, ResultObject, Role
from inference.domain.review import answer, current
from inference.domain.uid import check_uid
from structured_reports.identity import tracking_uids
from wetread.bootstrap import Stores
from wetread.web.api.findings import (
    FindingBody,
    Locate,
    RefusalBody,
    shown_finding,
    shown_refusal,
)
from wetread.web.api.links import Links
from wetread.web.api.paging import LARGEST, LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import JobNumber, Moment, StudyUid, Text
from wetread.web.api.reviews import ModelShown
from wetread.web.api.route import Shown, problems, router
from wetread.web.problems import NotFound


class ObjectBody(Shown):
    """A DICOM object that says the result."""

    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    url: str = Field(description="The Instance by DICOMweb; `/metadata` and `/rendered` follow.")


class ResultLinks(Shown):
    study: str
    job: str
    reviews: str
    page: str = Field(description="The page on which a person looks at it, and answers.")
    viewer: str
    fhir: str = Field(description="The same as a FHIR R4 DiagnosticReport.")
    model: str | None


class ResultBody(Shown):
    """What one Job ended in: findings, or why there are none. Never verified by itself."""

    job: int = Field(description="The number of its job, which is the result's own.")
    url: str
    study_instance_uid: str
    revision: int
    model: ModelShown | None = Field(description="Null where no rule took the study.")
    outcome: Outcome
    failed: bool = Field(description="Not assessed because every attempt broke.")
    produced_at: AwareDatetime
    duration_seconds: float
    findings: list[FindingBody]
    refusals: list[RefusalBody] = Field(description="What was not assessed, and why.")
    objects: list[ObjectBody]
    reviews: int = Field(ge=0, description="How many reviews there are of it.")
    links: ResultLinks


class ResultFilter(Filter):
    study_instance_uid: str = Field(default="", max_length=64)
    model: Text = ""
    version: Text = ""
    outcome: Outcome | None = None
    presence: Presence | None = Field(default=None, description="At least one finding has it.")
    reviewed: bool | None = None
    produced_from: Moment | None = Field(default=None, description="With its zone.")
    produced_to: Moment | None = None


class Results:
    """Results as the API shows them; where Instances lie is looked up once each."""

    def __init__(self, stores: Stores, request: Request) -> None:
        self._stores = stores
        self._links = Links(request)
        self._known: dict[str, str | None] = {}

    def locate(self, sop_instance_uid: str) -> str | None:
        if sop_instance_uid not in self._known:
            held = self._stores.index.find(sop_instance_uid)
            self._known[sop_instance_uid] = (
                self._links.instance(
                    held.study_instance_uid, held.series_instance_uid, sop_instance_uid
                )
                if held is not None
                else None
            )
        return self._known[sop_instance_uid]

    def shown(self, listed: Listed) -> ResultBody:
        return shown_result(listed, self._links, self.locate)


def shown_result(listed: Listed, links: Links, locate: Locate) -> ResultBody:
    result, number = listed.result, listed.job.job_id
    counting = current(listed.reviews)
    study = result.study_instance_uid
    model = result.model
    return ResultBody(
        job=number,
        url=links.api("results", number),
        study_instance_uid=study,
        revision=result.revision,
        model=ModelShown(name=model.name, version=model.version) if model else None,
        outcome=result.outcome,
        failed=result.failed,
        produced_at=result.produced_at,
        duration_seconds=result.seconds,
        findings=[
            shown_finding(order, found, uid, answer(result, order, counting), locate)
            for order, (found, uid) in enumerate(tracking_uids(result), 1)
        ],
        refusals=[shown_refusal(each) for each in result.refusals],
        objects=[_object(each, links) for each in result.objects],
        reviews=len(listed.reviews),
        links=ResultLinks(
            study=links.api("studies", study),
            job=links.api("jobs", number),
            reviews=links.api("results", number, "reviews"),
            page=links.page(study),
            viewer=links.viewer(study),
            fhir=links.fhir("DiagnosticReport", number),
            model=links.api("models", model.name, model.version) if model else None,
        ),
    )


def _object(made: ResultObject, links: Links) -> ObjectBody:
    return ObjectBody(
        role=made.role,
        sop_class_uid=made.sop_class_uid,
        sop_instance_uid=made.sop_instance_uid,
        series_instance_uid=made.series_instance_uid,
        url=links.object(made),
    )


def build_results(stores: Stores) -> APIRouter:
    api = router("results")

    def page_of(
        asked: ResultFilter, study: str, request: Request, response: Response
    ) -> Page[ResultBody]:
        found = stores.listing.results(
            ResultQuery(
                study_instance_uid=check_uid(study) if study else "",
                model=asked.model,
                version=asked.version,
                outcome=asked.outcome,
                presence=asked.presence,
                reviewed=asked.reviewed,
                first=asked.produced_from,
                last=asked.produced_to,
                limit=asked.limit + 1,
                before=before("result", asked.cursor),
            )
        )
        shown = Results(stores, request).shown
        page = cut("result", found, asked.limit, lambda each: each.job.job_id, shown)
        return with_link(page, request, response)

    @api.get("/results", responses=problems(400) | {200: LINKED})
    def list_results(
        asked: Annotated[ResultFilter, Query()], request: Request, response: Response
    ) -> Page[ResultBody]:
        """Results, those of the newest jobs first. What was read in shadow is not among them."""
        return page_of(asked, asked.study_instance_uid, request, response)

    @api.get("/results/{job_id}", responses=problems(404))
    def get_result(job_id: JobNumber, request: Request) -> ResultBody:
        """A result by the number of its job."""
        found = stores.listing.result(job_id)
        if found is None:
            raise NotFound(f"no result of a job {job_id} was delivered")
        return Results(stores, request).shown(found)

    @api.get("/studies/{uid}/results", responses=problems(400, 404) | {200: LINKED})
    def list_results_of_study(
        uid: StudyUid,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=LARGEST)] = 50,
        cursor: Annotated[str, Query(max_length=200)] = "",
    ) -> Page[ResultBody]:
        """The results of all revisions of a study, the newest first."""
        if stores.index.study(check_uid(uid)) is None:
            raise NotFound(f"no Study {uid} is held")
        return page_of(ResultFilter(limit=limit, cursor=cursor), uid, request, response)

    return api
