"""What is new, as server-sent events (HTML Standard, Section 9.2)."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field

from inference.domain.errors import ResourceError
from inference.domain.event import Event, EventKind
from wetread.bootstrap import Stores
from wetread.web.api.feed import Feed, Gap
from wetread.web.api.links import Links
from wetread.web.api.route import PREFIX, ApiRoute, Shown, problems
from wetread.web.problems import InvalidCursor

MEDIA = "text/event-stream"
_RETRY = 2000  # milliseconds until a client connects again


class EventBody(Shown):
    """The `data` of an event."""

    id: int
    event: EventKind
    at: AwareDatetime | None
    study_instance_uid: str = Field(description="Empty for what could not be read.")
    revision: int | None
    job: int | None
    delivery: int | None
    review: int | None
    incident: int | None
    detail: str = Field(
        description="The model, the destination or the verdict; how many images were removed; the "
        "kind of an incident, or what was decided."
    )
    shadow: bool = Field(description="Of a job: it is read, but shown to nobody.")
    url: str = Field(description="Where there is more of it.")


class GapBody(Shown):
    """The `data` of the event `gap`: some that a listener asked for are no longer kept."""

    id: int = Field(description="The last event that is gone; what follows goes on from here.")
    event: Literal["gap"] = "gap"
    oldest: int | None = Field(description="The first event that is kept, if there is any.")
    detail: str
    studies: str = Field(description="Where it can be read how all studies stand now.")
    results: str = Field(description="Where results are, also those since a time.")


class EventRoute(ApiRoute):
    offers = (MEDIA,)


class EventStream(StreamingResponse):
    media_type = MEDIA


def build_events(stores: Stores, closing: threading.Event) -> APIRouter:
    """`closing` is set when the node stops."""
    router = APIRouter(prefix=PREFIX, tags=["events"], route_class=EventRoute)
    feed = Feed(lambda: stores.events, closing)

    @router.get(
        "/events",
        response_class=EventStream,
        responses=problems(400)
        | {
            200: {
                "description": "A stream of events, each with an EventBody as its data; `gap` has "
                "a GapBody.",
                "content": {MEDIA: {"schema": {"type": "string"}}},
            }
        },
    )
    async def stream_events(
        request: Request,
        after: Annotated[
            str, Query(max_length=20, description="The id of the last event that is known.")
        ] = "",
        last_event_id: Annotated[
            str, Header(max_length=20, description="The same, as a browser says it.")
        ] = "",
    ) -> EventStream:
        """What is new, as it happens; without an id, from now on."""
        known = _number(last_event_id or after)
        if feed.full:
            raise ResourceError("there are too many listeners; ask again later")
        newest = await feed.newest()
        start = newest if known is None else min(known, newest)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventStream(_stream(feed, start, Links(request)), headers=headers)

    return router


async def _stream(feed: Feed, after: int, links: Links) -> AsyncIterator[str]:
    yield f"retry: {_RETRY}\n\n"
    async for heard in feed.listen(after):
        if isinstance(heard, Gap):
            yield _message(shown_gap(heard, links))
        else:
            yield "".join(_message(shown_event(each, links)) for each in heard) or ": alive\n\n"


def _message(body: EventBody | GapBody) -> str:
    data = json.dumps(body.model_dump(mode="json"), separators=(",", ":"))
    return f"id: {body.id}\nevent: {body.event}\ndata: {data}\n\n"


def shown_gap(gap: Gap, links: Links) -> GapBody:
    return GapBody(
        id=gap.last,
        oldest=gap.oldest,
        detail=f"events up to {gap.last} are no longer kept: read studies and results anew, "
        "then go on from here",
        studies=links.api("studies"),
        results=links.api("results"),
    )


def shown_event(event: Event, links: Links) -> EventBody:
    return EventBody(
        id=event.number,
        event=event.kind,
        at=event.at,
        study_instance_uid=event.study_instance_uid,
        revision=event.revision,
        job=event.job_id,
        delivery=event.delivery_id,
        review=event.review_id,
        incident=event.incident_id,
        detail=event.detail,
        shadow=event.shadow,
        url=_url(event, links),
    )


def _url(event: Event, links: Links) -> str:
    if event.incident_id is not None:
        return links.api("incidents", event.incident_id)
    if event.delivery_id is not None:
        return links.api("deliveries", event.delivery_id)
    if event.review_id is not None and event.job_id is not None:
        return links.api("results", event.job_id, "reviews")
    if event.job_id is not None:
        ended = event.kind is not EventKind.JOB_STARTED and not event.shadow
        return links.api("results" if ended else "jobs", event.job_id)
    return links.api("studies", event.study_instance_uid)


def _number(text: str) -> int | None:
    """Raises `InvalidCursor`."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("the id of an event is a number")
    return int(text)
