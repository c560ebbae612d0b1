"""The JSON API at `/api/v1`: one noun a file."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fastapi import APIRouter

from wetread.bootstrap import Stores
from wetread.shelf import Shelf
from wetread.web.api.deliveries import build_deliveries
from wetread.web.api.events import build_events
from wetread.web.api.incidents import build_incidents
from wetread.web.api.jobs import build_jobs
from wetread.web.api.models import build_models
from wetread.web.api.results import build_results
from wetread.web.api.reviews import Reviewing, build_reviews
from wetread.web.api.route import Problem
from wetread.web.api.status import build_status
from wetread.web.api.studies import build_studies

__all__ = ["Problem", "Reviewing", "build_api"]


def build_api(
    stores: Stores,
    reviewing: Reviewing | None = None,
    shelf: Shelf | None = None,
    destinations: Sequence[str] = (),
    closing: threading.Event | None = None,
) -> Sequence[APIRouter]:
    """`destinations` are the names of those that results go to now.

    `closing` is set when the node stops, so that streams of events end.
    A node that takes no reviews has no `reviewing`, and one without models no `shelf`.
    """
    return (
        build_studies(stores),
        build_results(stores),
        build_reviews(stores, reviewing),
        build_jobs(stores),
        build_models(shelf),
        build_deliveries(stores, destinations),
        *build_incidents(stores, reviewing.header if reviewing else ""),
        build_events(stores, closing or threading.Event()),
        build_status(stores),
    )
