"""The account of everything, as `wetread status --json` prints it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from wetread.bootstrap import Stores
from wetread.cli.status import describe
from wetread.web.api.route import problems, router


def build_status(stores: Stores) -> APIRouter:
    api = router("status")

    @api.get("/status", responses=problems())
    def status(
        limit: Annotated[int, Query(ge=1, le=1000, description="Studies at most.")] = 20,
    ) -> dict[str, Any]:
        """What `wetread status --json` prints."""
        return describe(stores, limit)

    return api
