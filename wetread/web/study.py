"""A study's page: images, overlays, what was found, and who agreed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from inference.domain.errors import WetreadError
from inference.domain.finding import Presence
from inference.domain.incident import IncidentQuery, IncidentState
from inference.domain.job import ModelId
from inference.domain.reading import Order, Reading, ReadingQuery, counting
from inference.domain.result import ResultObject, Role
from inference.domain.review import ReviewReason, Verdict
from inference.domain.study import Study
from inference.domain.uid import check_uid
from structured_reports.text import report_as_text
from wetread.bootstrap import Stores
from wetread.pictures import overlay_as_png
from wetread.reviews import describe_reviews
from wetread.web.images import images_of, overlays_of, places_of, tags_of
from wetread.web.pages import templates
from wetread.web.problems import Gone, NotFound
from wetread.web.timeline import timeline

_OTHERS = 20  # Studies of the same patient

Gates = Callable[[ModelId], ModelId | None]
"""Returns the gate in front of a model; None where there is none."""


def build_router(
    stores: Stores, knows_reviewer: bool = False, gates: Gates = lambda model: None
) -> APIRouter:
    """`knows_reviewer`: a proxy says who reviews, so that nobody has to type it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/studies/{uid}", response_class=HTMLResponse)
    def study(request: Request, uid: str) -> HTMLResponse:
        event = stores.events.newest()  # first: what comes in between is then told again
        found = stores.index.study(check_uid(uid))
        if found is None:
            raise NotFound(f"no Study {uid} is held")
        results = stores.results.of_study(uid)
        current = counting(results)
        numbers = {job.job_id for job, _ in current}
        jobs = [
            each
            for each in stores.queue.jobs(study_instance_uid=uid, limit=1000)
            if not each.request.shadow
        ]
        deliveries = {each.job_id: stores.outbox.deliveries(job_id=each.job_id) for each in jobs}
        reviews = {job.job_id: stores.reviews.of_job(job.job_id) for job, _ in results}
        shadows = stores.results.of_study(uid, shadow=True)
        series = images_of(stores, uid, [result for _, result in results])
        return templates.TemplateResponse(
            request,
            "study.html",
            {
                "study": found,
                "event": event,
                "series": series,
                "overlays": overlays_of(stores, uid, [result for _, result in current]),
                "current": current,
                "places": {
                    job.job_id: places_of(result, series) for job, result in [*results, *shadows]
                },
                "earlier": [each for each in results if each[0].job_id not in numbers],
                "pending": [each for each in jobs if each.state.value in ("queued", "running")],
                "reports": {
                    job.job_id: [
                        _text(stores, each) for each in result.objects if each.role is Role.REPORT
                    ]
                    for job, result in results
                },
                "reviews": {job: describe_reviews(each) for job, each in reviews.items()},
                "review_texts": {
                    each.review_id: _text(stores, each.report)
                    for group in reviews.values()
                    for each in group
                    if each.report is not None
                },
                "gates": {
                    job.job_id: result.model and gates(result.model) for job, result in results
                },
                "others": _others(stores, found),
                "deliveries": deliveries,
                "events": timeline(
                    found,
                    jobs,
                    results,
                    [each for group in deliveries.values() for each in group],
                    [each for group in reviews.values() for each in group],
                ),
                "incidents": stores.incidents.incidents(
                    IncidentQuery(IncidentState.OPEN, study_instance_uid=uid)
                ),
                "shadows": shadows,
                "knows_reviewer": knows_reviewer,
                "verdicts": list(Verdict),
                "presences": list(Presence),
                "reasons": list(ReviewReason),
            },
        )

    @router.get("/studies/{uid}/instances/{sop_instance_uid}/tags")
    def tags(uid: str, sop_instance_uid: str) -> list[dict[str, Any]]:
        try:
            found = tags_of(stores, check_uid(uid), check_uid(sop_instance_uid))
        except FileNotFoundError:  # retention took it in this moment
            found = None
        if found is None:
            raise _not_here(stores, uid, sop_instance_uid)
        return found

    @router.get("/studies/{uid}/overlays/{sop_instance_uid}.png")
    def overlay(
        uid: str, sop_instance_uid: str, frame: Annotated[int, Query(ge=1)] = 1
    ) -> Response:
        check_uid(uid)
        check_uid(sop_instance_uid)
        for _, result in stores.results.of_study(uid):
            for each in result.objects:
                if each.sop_instance_uid == sop_instance_uid and each.role is Role.OVERLAY:
                    part10 = stores.archive.path(each.key).read_bytes()
                    with suppress(IndexError):
                        return Response(overlay_as_png(part10, frame), media_type="image/png")
        raise NotFound(f"no overlay {sop_instance_uid} with a frame {frame} is held")

    return router


def _not_here(stores: Stores, uid: str, sop_instance_uid: str) -> NotFound:
    study = stores.index.study(uid)
    if study is not None and study.gone:
        return Gone(f"{study.gone} No Instance {sop_instance_uid} is held.")
    return NotFound(f"no Instance {sop_instance_uid} is held")


def _text(stores: Stores, report: ResultObject) -> str:
    try:
        return report_as_text(stores.archive.path(report.key).read_bytes())
    except (OSError, WetreadError):
        return "The report cannot be read."


def _others(stores: Stores, study: Study) -> list[Reading]:
    """Return what else there is of the patient, the newest first. Without an ID, nobody knows."""
    patient = study.attributes.patient_id
    if not patient:
        return []
    query = ReadingQuery(patient_id=patient, order=Order.NEWEST, limit=_OTHERS)
    return [
        each
        for each in stores.reading.read(query).readings
        if each.study.study_instance_uid != study.study_instance_uid
    ]
