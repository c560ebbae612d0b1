"""The operations page, and to replay what failed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from inference.domain.concordance import concordance
from inference.domain.delivery import DeliveryState
from inference.domain.job import JobState
from wetread.bootstrap import Stores, SystemClock
from wetread.reviews import describe_concordance, months_ago
from wetread.web.guarded import GuardedRoute
from wetread.web.pages import templates
from wetread.web.problems import NotFailed, NotFound

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

_MONTHS = 12  # of the chart
_SHOWN = 100  # lines of a table


def build_router(stores: Stores) -> APIRouter:
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/operations", response_class=HTMLResponse, include_in_schema=False)
    def operations(request: Request) -> HTMLResponse:
        since = months_ago(SystemClock().now(), _MONTHS - 1)
        said = describe_concordance(since, concordance(stores.reviews.reviewed(since)))
        return templates.TemplateResponse(
            request,
            "operations.html",
            {
                "account": stores.index.account(),
                "running": stores.queue.jobs(state=JobState.RUNNING, limit=_SHOWN),
                "queued": stores.queue.jobs(state=JobState.QUEUED, limit=_SHOWN),
                "failed": stores.queue.jobs(state=JobState.FAILED, limit=_SHOWN),
                "backlog": stores.outbox.backlog(),
                "undelivered": stores.outbox.deliveries(state=DeliveryState.FAILED, limit=_SHOWN),
                "incidents": stores.index.incidents(limit=_SHOWN),
                "concordance": said["models"],
                "months": [
                    f"{months_ago(SystemClock().now(), each):%Y-%m}"
                    for each in reversed(range(_MONTHS))
                ],
            },
        )

    @router.post("/api/v1/jobs/{job_id}/replay", tags=["operations"])
    def replay_job(job_id: Number) -> dict[str, Any]:
        """Queue a failed job again, and forget its result."""
        if stores.queue.replay(job_id, SystemClock().now()):
            return {"job": job_id, "state": JobState.QUEUED.value}
        if stores.queue.job(job_id) is None:
            raise NotFound(f"there is no job {job_id}")
        raise NotFailed(f"the job {job_id} has not failed")

    @router.post("/api/v1/deliveries/{delivery_id}/replay", tags=["operations"])
    def replay_delivery(delivery_id: Number) -> dict[str, Any]:
        """Try a failed delivery again."""
        if stores.outbox.replay(delivery_id, SystemClock().now()):
            return {"delivery": delivery_id, "state": DeliveryState.PENDING.value}
        raise NotFailed(f"there is no failed delivery {delivery_id}")

    return router
