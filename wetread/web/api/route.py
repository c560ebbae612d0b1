"""What all resources of the JSON API share: media types, entity tags, problem documents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from wetread.web.guarded import GuardedRoute
from wetread.web.problems import MEDIA, NotAcceptable

PREFIX = "/api/v1"
JSON = "application/json"


class Shown(BaseModel):
    """Something that the API answers with, and takes nothing more than."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="Where it stands: body or query, then the keys.")
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["NotFound"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no Study 1.2.3 is held"])
    errors: list[Fault] = Field(default=[], description="With 422: what is wrong, one by one.")


_WHAT = {
    400: "A UID or a cursor is malformed, or the message is.",
    401: "The proxy in front did not say who this is.",
    403: "The request comes from a page of another origin.",
    404: "There is nothing of this name.",
    406: "None of the media types in Accept can be made.",
    409: "It has not failed, or is resolved already: there is nothing to do.",
    410: "It was here until it was removed.",
    413: "The body is larger than is taken.",
    415: "The body is no JSON, or comes with a Content-Encoding.",
    422: "A parameter or the body does not fit.",
    503: "Database or disk are away; try again later.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these, and of those that every resource may answer with."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _WHAT[status], "content": {MEDIA: schema}}
        for status in sorted({*statuses, 406, 422, 503})
    }


CHANGES = (403, 413, 415, 400)  # what a request that changes something may be answered with


def accepts(header: str, offers: Sequence[str]) -> bool:
    """May one of `offers` be sent (RFC 9110 Section 12.5.1)? No header accepts all."""
    best: dict[str, tuple[int, bool]] = {}
    for each in header.split(","):
        media, *parameters = (part.strip().lower() for part in each.split(";"))
        if not media:
            continue
        refused = any(_is_zero(part) for part in parameters)
        for offer in offers:
            kind = offer.partition("/")[0]
            rank = {offer: 3, f"{kind}/*": 2, "*/*": 1}.get(media, 0)
            if rank > best.get(offer, (0, False))[0]:
                best[offer] = rank, not refused
    return not header.strip() or any(taken for _, taken in best.values())


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in ("", "0.", ".")


class ApiRoute(GuardedRoute):
    """Answers in JSON alone, with an entity tag, so that asking again costs little."""

    offers: tuple[str, ...] = (JSON,)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if not accepts(request.headers.get("accept", ""), self.offers):
                raise NotAcceptable(f"acceptable is {' or '.join(self.offers)}")
            response = await handle(request)
            body = getattr(response, "body", None)
            if request.method != "GET" or response.status_code != 200 or body is None:
                return response
            if response.headers.get("cache-control") == "no-store":
                return response
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            response.headers["ETag"] = tag
            response.headers["Cache-Control"] = "private, no-cache"
            response.headers["Vary"] = "Accept"
            known = request.headers.get("if-none-match", "")
            if tag in {each.strip().removeprefix("W/") for each in known.split(",")}:
                kept = ("etag", "cache-control", "vary", "link")
                headers = {key: value for key, value in response.headers.items() if key in kept}
                return Response(status_code=304, headers=headers)
            return response

        return answer


def router(tag: str) -> APIRouter:
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=ApiRoute)
