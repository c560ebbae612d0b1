"""An incident's page: what was set aside, how it differs, and what becomes of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from inference.domain.incident import BY_PEOPLE, Decision, IncidentKind
from wetread.bootstrap import Stores
from wetread.differences import describe_difference
from wetread.incidents import build_desk, say_compared
from wetread.web.pages import templates


def build_router(stores: Stores, knows_reviewer: bool = False) -> APIRouter:
    """`knows_reviewer`: a proxy says who decides, so that nobody has to type it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/incidents/{incident_id}", response_class=HTMLResponse)
    def incident(
        request: Request,
        incident_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
        values: Annotated[bool, Query()] = False,
        pictures: Annotated[bool, Query()] = False,
        frame: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    ) -> HTMLResponse:
        found = build_desk(stores).find(incident_id)
        conflict = found.kind is IncidentKind.CONFLICT
        difference = describe_difference(stores, found, values=values)
        counts = difference["pixel_difference"]
        return templates.TemplateResponse(
            request,
            "incident.html",
            {
                "incident": found,
                "conflict": conflict,
                "difference": difference,
                "values": values,
                "pictures": pictures,
                "frame": frame or (counts["frames"][0] if counts else 1),
                "compared": say_compared(found),
                "decisions": [
                    *((Decision.SAME,) if difference["same"] else ()),
                    *(each for each in BY_PEOPLE if conflict or each is not Decision.KEPT),
                ],
                "knows_reviewer": knows_reviewer,
            },
        )

    return router
