"""Studies, and where they stand.

What is part of a patient's identity travels in the body of a POST: addresses end up in logs.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from inference.domain.listing import StudyQuery
from inference.domain.reading import Reading, Standing
from inference.domain.study import Study, StudyState
from inference.domain.uid import check_uid
from wetread.bootstrap import Stores
from wetread.web.api.links import Links
from wetread.web.api.paging import LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import Day, StudyUid
from wetread.web.api.route import CHANGES, Shown, problems, router
from wetread.web.problems import NotFound


class PatientBody(Shown):
    """As the header has it; "" where it has nothing."""

    id: str
    name: str = Field(examples=["Doe^Jane"])
    birth_date: str = Field(description="DA.", examples=["19700101"])
    sex: str


class StudyLinks(Shown):
    results: str
    jobs: str
    page: str = Field(description="The page on which a person looks at it.")
    viewer: str
    dicomweb: str


class StudyBody(Shown):
    """A study, and where it stands."""

    study_instance_uid: str
    url: str
    state: StudyState
    revision: int = Field(description="How often it became stable; 0 before the first time.")
    instances: int = Field(description="Images and others that are held.")
    removed: int = Field(
        description="How many were held until retention removed them, and did not come again."
    )
    removed_at: AwareDatetime | None = Field(description="When, where any were.")
    received_at: AwareDatetime = Field(description="When its last image came.")
    stable_at: AwareDatetime | None = Field(
        description="Of one that is receiving: when it becomes stable if nothing more comes."
    )
    priority: str = Field(examples=["medium"])
    modality: str
    body_part: str
    study_date: str = Field(description="DA.")
    study_description: str
    accession_number: str
    patient: PatientBody
    standing: Standing = Field(description="What the results that count say, all together.")
    reviewed: bool
    jobs: list[int] = Field(description="Jobs of the newest revision.")
    results: list[int] = Field(description="Jobs whose results count.")
    links: StudyLinks


class StudyFilter(Filter):
    state: StudyState | None = None
    standing: Standing | None = None
    modality: str = Field(default="", max_length=16)
    study_date_from: Day | None = None
    study_date_to: Day | None = None


class StudySearch(StudyFilter):
    """The same, and what may stand in no address."""

    patient_id: str = Field(default="", max_length=64, description="To the letter.")
    accession_number: str = Field(default="", max_length=16, description="To the letter.")


def build_studies(stores: Stores) -> APIRouter:
    api = router("studies")

    def page_of(asked: StudySearch, links: Links) -> Page[StudyBody]:
        found = stores.listing.studies(
            StudyQuery(
                state=asked.state,
                standing=asked.standing,
                modality=asked.modality,
                patient_id=asked.patient_id,
                accession_number=asked.accession_number,
                first_date=_da(asked.study_date_from),
                last_date=_da(asked.study_date_to),
                limit=asked.limit + 1,
                before=before("study", asked.cursor),
            )
        )
        return cut(
            "study",
            found,
            asked.limit,
            lambda each: each[0],
            lambda each: shown_reading(each[1], links),
        )

    @api.get("/studies", responses=problems(400) | {200: LINKED})
    def list_studies(
        asked: Annotated[StudyFilter, Query()], request: Request, response: Response
    ) -> Page[StudyBody]:
        """Studies, the one that was first heard of last in front."""
        page = page_of(StudySearch(**asked.model_dump()), Links(request))
        return with_link(page, request, response)

    @api.post("/search/studies", responses=problems(*CHANGES))
    def search_studies(asked: StudySearch, request: Request) -> Page[StudyBody]:
        """The same by patient or accession number, which stand in no address."""
        return page_of(asked, Links(request))

    @api.get("/studies/{uid}", responses=problems(400, 404))
    def get_study(uid: StudyUid, request: Request) -> StudyBody:
        """A study."""
        found = stores.listing.studies(StudyQuery(study_instance_uid=check_uid(uid), limit=1))
        if not found:
            raise NotFound(f"no Study {uid} is held")
        return shown_reading(found[0][1], Links(request))

    return api


def shown_reading(reading: Reading, links: Links) -> StudyBody:
    study, uid = reading.study, reading.study.study_instance_uid
    of = study.attributes
    return StudyBody(
        study_instance_uid=uid,
        url=links.api("studies", uid),
        state=study.state,
        revision=study.revision,
        instances=study.instances,
        removed=study.removed,
        removed_at=study.removed_at if study.removed else None,
        received_at=study.received_at,
        stable_at=study.quiet_until if study.state is StudyState.RECEIVING else None,
        priority=study.priority.name.lower(),
        modality=of.modality,
        body_part=of.body_part,
        study_date=of.study_date,
        study_description=of.study_description,
        accession_number=of.accession_number,
        patient=_patient(study),
        standing=reading.standing,
        reviewed=bool(reading.reviews),
        jobs=[each.job_id for each in reading.jobs],
        results=[job.job_id for job, _ in reading.results],
        links=StudyLinks(
            results=links.api("studies", uid, "results"),
            jobs=f"{links.api('jobs')}?study_instance_uid={uid}",
            page=links.page(uid),
            viewer=links.viewer(uid),
            dicomweb=links.study(uid),
        ),
    )


def _da(day: date | None) -> str:
    return day.isoformat().replace("-", "") if day else ""


def _patient(study: Study) -> PatientBody:
    of = study.attributes
    return PatientBody(
        id=of.patient_id,
        name=of.patient_name,
        birth_date=of.patient_birth_date,
        sex=of.patient_sex,
    )
