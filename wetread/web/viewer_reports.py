"""What the node found, as the viewer shows it in a frame beside the images."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from inference.domain.reading import counting
from inference.domain.result import Result, Role
from inference.domain.uid import check_uid
from structured_reports.text import report_as_text
from wetread.bootstrap import Stores
from wetread.web.images import images_of, places_of
from wetread.web.pages import CONTENT_SECURITY_POLICY, templates
from wetread.web.viewer_config import ISOLATED, REPORTS

_MOST = 8  # studies; OHIF opens several beside each other
_POLICY = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")


def build_router(stores: Stores) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(REPORTS, response_class=HTMLResponse)
    def reports(
        request: Request,
        studies: Annotated[list[str] | None, Query(alias="StudyInstanceUIDs")] = None,
    ) -> HTMLResponse:
        named = [check_uid(each) for text in studies or () for each in text.split(",") if each]
        shown = []
        for uid in list(dict.fromkeys(named))[:_MOST]:
            every = stores.results.of_study(uid)
            results = [result for _, result in counting(every)]
            series = images_of(stores, uid, [result for _, result in every]) if results else []
            shown.append((uid, [(each, texts(each), places_of(each, series)) for each in results]))
        return templates.TemplateResponse(
            request,
            "viewer_reports.html",
            {"studies": shown},
            headers={**ISOLATED, "Content-Security-Policy": _POLICY},
        )

    def texts(result: Result) -> list[str]:
        return [
            report_as_text(stores.archive.path(each.key).read_bytes())
            for each in result.objects
            if each.role is Role.REPORT
        ]

    return router
