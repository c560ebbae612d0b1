"""The operations page: what waits, what failed and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from inference.domain.concordance import concordance
from inference.domain.delivery import DeliveryState
from inference.domain.incident import BY_PEOPLE, Decision, IncidentQuery, IncidentState
from inference.domain.job import JobState
from wetread.bootstrap import Stores
from wetread.incidents import say_compared
from wetread.reviews import describe_concordance, months_ago
from wetread.web.pages import templates

_MONTHS = 12  # of the chart
_SHOWN = 100  # lines of a table


def build_router(stores: Stores) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/operations", response_class=HTMLResponse)
    def operations(request: Request) -> HTMLResponse:
        since = months_ago(stores.clock.now(), _MONTHS - 1)
        said = describe_concordance(since, concordance(stores.reviews.reviewed(since)))
        return templates.TemplateResponse(
            request,
            "operations.html",
            {
                "account": stores.index.account(),
                "leases": stores.queue.leases(),
                "now": stores.clock.now(),
                "queued": stores.queue.jobs(state=JobState.QUEUED, limit=_SHOWN),
                "failed": stores.queue.jobs(state=JobState.FAILED, limit=_SHOWN),
                "backlog": stores.outbox.backlog(),
                "undelivered": stores.outbox.deliveries(state=DeliveryState.FAILED, limit=_SHOWN),
                "incidents": stores.incidents.incidents(
                    IncidentQuery(IncidentState.OPEN, limit=_SHOWN)
                ),
                "resolved": stores.incidents.incidents(
                    IncidentQuery(decisions=BY_PEOPLE, limit=_SHOWN)
                ),
                "same": stores.incidents.incidents(
                    IncidentQuery(decisions=(Decision.SAME,), limit=_SHOWN)
                ),
                "compared": say_compared,
                "concordance": said["models"],
                "months": [
                    f"{months_ago(stores.clock.now(), each):%Y-%m}"
                    for each in reversed(range(_MONTHS))
                ],
            },
        )

    return router
