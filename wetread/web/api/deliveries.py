"""Deliveries, and the destinations that they go to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from inference.domain.delivery import Backlog, Delivery, DeliveryState
from inference.domain.listing import DeliveryQuery
from inference.domain.result import Role
from wetread.bootstrap import Stores
from wetread.web.api.jobs import Nothing
from wetread.web.api.links import Links
from wetread.web.api.paging import LINKED, Filter, Page, before, cut, with_link
from wetread.web.api.parameters import DeliveryNumber, Text
from wetread.web.api.route import CHANGES, Shown, problems, router
from wetread.web.problems import NotFailed, NotFound


class DeliveredObject(Shown):
    role: Role
    sop_instance_uid: str
    url: str = Field(description="By DICOMweb.")


class DeliveryBody(Shown):
    """A result, or a review of one, on its way to one destination."""

    delivery: int = Field(description="Its number.")
    url: str
    job: int
    destination: str
    state: DeliveryState
    attempts: int
    next_attempt_at: AwareDatetime | None = Field(description="While it is pending.")
    delivered_at: AwareDatetime | None
    error: str = Field(description="Why the last attempt did not succeed.")
    objects: list[DeliveredObject]


class DeliveryFilter(Filter):
    job: int | None = Field(default=None, ge=1, le=2**63 - 1)
    destination: Text = ""
    state: DeliveryState | None = None


class ReplayedDelivery(Shown):
    delivery: int
    state: DeliveryState


class DestinationBody(Shown):
    """Where results go, and what waits for it."""

    name: str
    configured: bool = Field(description="False: named by old deliveries, no longer in use.")
    pending: int
    delivered: int
    failed: int
    next_attempt_at: AwareDatetime | None = Field(description="Of what waits longest.")
    deliveries: str


def build_deliveries(stores: Stores, destinations: Sequence[str]) -> APIRouter:
    api = router("deliveries")

    @api.get("/destinations", responses=problems())
    def list_destinations(request: Request) -> Page[DestinationBody]:
        """Every destination with its backlog, by name."""
        held = {each.destination: each for each in stores.outbox.backlog()}
        links = Links(request)
        return Page(
            items=[
                _destination(name, held.get(name), name in destinations, links)
                for name in sorted({*held, *destinations})
            ],
            next=None,
        )

    @api.get("/deliveries", responses=problems(400) | {200: LINKED})
    def list_deliveries(
        asked: Annotated[DeliveryFilter, Query()], request: Request, response: Response
    ) -> Page[DeliveryBody]:
        """Deliveries, the newest first."""
        found = stores.listing.deliveries(
            DeliveryQuery(
                job_id=asked.job,
                destination=asked.destination,
                state=asked.state,
                limit=asked.limit + 1,
                before=before("delivery", asked.cursor),
            )
        )
        shown = partial(_shown, links=Links(request))
        page = cut("delivery", found, asked.limit, lambda each: each.delivery_id, shown)
        return with_link(page, request, response)

    @api.get("/deliveries/{delivery_id}", responses=problems(404))
    def get_delivery(delivery_id: DeliveryNumber, request: Request) -> DeliveryBody:
        """A delivery."""
        found = stores.listing.deliveries(DeliveryQuery(delivery_id=delivery_id, limit=1))
        if not found:
            raise NotFound(f"there is no delivery {delivery_id}")
        return _shown(found[0], Links(request))

    @api.post("/deliveries/{delivery_id}/replay", responses=problems(404, 409, *CHANGES))
    def replay_delivery(delivery_id: DeliveryNumber, body: Nothing) -> ReplayedDelivery:
        """Try a failed delivery again."""
        if stores.outbox.replay(delivery_id, stores.clock.now()):
            return ReplayedDelivery(delivery=delivery_id, state=DeliveryState.PENDING)
        if not stores.listing.deliveries(DeliveryQuery(delivery_id=delivery_id, limit=1)):
            raise NotFound(f"there is no delivery {delivery_id}")
        raise NotFailed(f"the delivery {delivery_id} has not failed")

    return api


def _shown(delivery: Delivery, links: Links) -> DeliveryBody:
    pending = delivery.state is DeliveryState.PENDING
    return DeliveryBody(
        delivery=delivery.delivery_id,
        url=links.api("deliveries", delivery.delivery_id),
        job=delivery.job_id,
        destination=delivery.destination,
        state=delivery.state,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at if pending else None,
        delivered_at=delivery.delivered_at,
        error=delivery.error,
        objects=[
            DeliveredObject(
                role=each.role, sop_instance_uid=each.sop_instance_uid, url=links.object(each)
            )
            for each in delivery.objects
        ],
    )


def _destination(
    name: str, held: Backlog | None, configured: bool, links: Links
) -> DestinationBody:
    return DestinationBody(
        name=name,
        configured=configured,
        pending=held.pending if held else 0,
        delivered=held.delivered if held else 0,
        failed=held.failed if held else 0,
        next_attempt_at=held.due if held else None,
        deliveries=f"{links.api('deliveries')}?{urlencode({'destination': name})}",
    )
