"""The reading list at `/`.

What a person types is part of a patient's name, so it travels in the body of a POST: it must
stand in no address, no history and no log of a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from inference.domain.finding import Finding, Presence
from inference.domain.matching import date_key
from inference.domain.reading import Order, ReadingQuery, Standing
from wetread.bootstrap import Stores
from wetread.web.pages import templates

_SIZE = 50  # studies on a page
_LONGEST = 4096  # bytes of a form
_LAST_PAGE = 1_000_000

_URGENCY = (Presence.PRESENT, Presence.UNDETERMINED, Presence.ABSENT)
_TOLD = 3  # findings of a result that are absent

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Told:
    """What a line of the list shows of a result, and the rest of it in words."""

    shown: tuple[Finding, ...]
    more: str = ""


def told(findings: Sequence[Finding]) -> Told:
    """Return every finding that is present or undetermined, the surest first; few absent ones."""
    found = sorted(findings, key=lambda each: (_URGENCY.index(each.presence), -each.certainty))
    asks = [each for each in found if each.presence is not Presence.ABSENT]
    rest = found[len(asks) :]
    if not asks and len(rest) <= _TOLD:
        return Told(tuple(rest))
    if len(rest) == 1:
        return Told((*asks, *rest))
    names = ", ".join(each.finding.meaning.lower() for each in rest[:_TOLD])
    others = f" and {len(rest) - _TOLD} more" if len(rest) > _TOLD else ""
    return Told(tuple(asks), f"absent: {names}{others}" if rest else "")


templates.env.filters["told"] = told


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def build_router(stores: Stores) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    def studies(request: Request) -> HTMLResponse:
        asked = {key: value for key, value in request.query_params.items() if key != "text"}
        return show(request, asked)

    @router.post("/", response_class=HTMLResponse)
    def search(request: Request, asked: Annotated[dict[str, str], Depends(_form)]) -> HTMLResponse:
        return show(request, asked)

    def show(request: Request, asked: Mapping[str, str]) -> HTMLResponse:
        number = _page(asked.get("page", ""))
        query = read_query(asked, number)
        event = stores.events.newest()  # first: what comes in between is then told again
        page = stores.reading.read(query)
        return templates.TemplateResponse(
            request,
            "list.html",
            {
                "readings": page.readings,
                "total": page.total,
                "load": stores.reading.load(),
                "choices": stores.reading.choices(),
                "standings": list(Standing),
                "query": query,
                "asked": asked,
                "page": number,
                "pages": max(1, -(-page.total // _SIZE)),
                "first": query.offset + 1,
                "event": event,
            },
        )

    return router


def read_query(asked: Mapping[str, str], page: int = 1) -> ReadingQuery:
    """Read a form. What makes no sense does not narrow."""
    return ReadingQuery(
        text=asked.get("text", "").strip()[:64],
        modality=asked.get("modality", "")[:16],
        body_part=asked.get("body_part", "")[:200],
        model=asked.get("model", "")[:200],
        finding=asked.get("finding", "")[:200],
        standing=_word(Standing, asked.get("standing", "")),
        reviewed={"yes": True, "no": False}.get(asked.get("reviewed", "")),
        first_date=date_key(asked.get("from", "")),
        last_date=date_key(asked.get("to", "")),
        order=_word(Order, asked.get("order", "")) or Order.URGENCY,
        limit=_SIZE,
        offset=(page - 1) * _SIZE,
    )


def _word(kind: type[Word], text: str) -> Word | None:
    return next((each for each in kind if each.value == text), None)


def _page(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    return max(1, min(number, _LAST_PAGE))
