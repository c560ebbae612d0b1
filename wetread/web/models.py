"""A model's card, one click from what the model says."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from inference.domain.job import ModelId
from wetread.web.markdown import as_html
from wetread.web.pages import templates
from wetread.web.problems import NotFound

Cards = Callable[[ModelId], str | None]
"""Returns a model's CARD.md; None where the model is not registered."""


def build_router(cards: Cards) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/models/{name}/{version}", response_class=HTMLResponse)
    def model(request: Request, name: str, version: str) -> HTMLResponse:
        asked = ModelId(name, version)
        card = cards(asked)
        if card is None:
            raise NotFound("no model of this name and version is registered")
        context = {"model": asked, "card": as_html(card), "titled": card.startswith("# ")}
        return templates.TemplateResponse(request, "model.html", context)

    return router
