"""Puts together what a process answers by HTTP, out of what `wetread.bootstrap` builds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from dicom_node.dicomweb import Context, Worklisting, dicomweb
from inference.domain.errors import UnknownModel
from inference.domain.job import ModelId
from inference.intake.reviewing import ReviewDesk
from inference.intake.worklist import WorklistDesk
from inference.ports import Intake
from inference.ports.meter import Meter
from wetread.bootstrap import (
    VERSION,
    Stores,
    build_destinations,
    build_registry,
    credentials,
)
from wetread.metrics.build import Metrics
from wetread.roles import Node
from wetread.settings import Settings
from wetread.shelf import Shelf
from wetread.web.metrics import build_router
from wetread.worklist import build_worklist

if TYPE_CHECKING:  # a process without pages does not import what they need
    from orthanc.dicomweb import OrthancDicomWeb
    from wetread.uploads import Uploads

_MIB = 1 << 20  # bytes


def build_web(
    settings: Settings,
    stores: Stores,
    node: Node,
    metrics: Metrics,
    ready: threading.Event,
    closing: threading.Event,
) -> FastAPI:
    """Return the pages and the API where the roles say so, and the probes alone elsewhere.

    `ready` and `closing` are those of `build_app`.
    """
    scraped = build_router(metrics.registry)
    if "web" not in settings.roles:
        from wetread.web.probes import build_probe_app

        return build_probe_app(stores, ready, node.services, [scraped])
    from wetread.web.api import Reviewing
    from wetread.web.app import build_app
    from wetread.web.viewer_config import ROOT
    from wetread.web.viewer_files import ViewerFiles

    desk = _review_desk(settings, stores, metrics.meter)
    return build_app(
        stores,
        ready,
        [build_dicomweb(settings, stores, node.intake, node.worklist), scraped],
        settings.cors_origins,
        cards=_cards(settings),
        knows_reviewer=bool(settings.reviewer_header),
        viewer_files=ViewerFiles(settings.viewer_folder, ROOT),
        viewer_orthancs=_viewer_orthancs(settings),
        uploads=_uploads(settings, stores, node.intake),
        gates=_gates(settings),
        reviewing=Reviewing(desk, settings.reviewer_header),
        shelf=build_shelf(settings, stores),
        destinations=[each.name for each in build_destinations(settings)],
        services=node.services,
        closing=closing,
    )


def build_dicomweb(
    settings: Settings, stores: Stores, intake: Intake, worklist: WorklistDesk | None = None
) -> APIRouter:
    """`worklist` is the one that hears of events at once; without it, another that looks."""
    if worklist is None:
        worklist, _ = build_worklist(settings, stores, build_registry(settings))
    return dicomweb(
        Context(
            stores.catalog,
            stores.archive,
            intake,
            settings.maximum_stow_mb * _MIB,
            stores.index,
        ),
        Worklisting(worklist, frozenset(settings.cors_origins)),
    )


def build_shelf(settings: Settings, stores: Stores) -> Shelf:
    registry = build_registry(settings)
    return Shelf(registry, stores.rollouts, registry.folder)


def _review_desk(settings: Settings, stores: Stores, meter: Meter) -> ReviewDesk:
    from structured_reports.review import DicomReviewEncoder

    return ReviewDesk(
        queue=stores.queue,
        results=stores.results,
        reviews=stores.reviews,
        archive=stores.archive,
        encoder=DicomReviewEncoder(
            software_version=VERSION, organization=settings.reviewer_organization
        ),
        clock=stores.clock,
        destinations=[each.name for each in build_destinations(settings)],
        meter=meter,
    )


def _cards(settings: Settings) -> Callable[[ModelId], str | None]:
    """Return what finds a model's card; it never looks where no model is registered."""
    from inference.models.kinds import CARD

    registry = build_registry(settings)

    def card(model: ModelId) -> str | None:
        try:
            path = registry.folder(model) / CARD
        except UnknownModel:
            return None
        return path.read_text("utf-8", "replace") if path.is_file() else None

    return card


def _gates(settings: Settings) -> Callable[[ModelId], ModelId | None]:
    """Return what finds the gate in front of a model, for where gates are in use."""
    registry = build_registry(settings)

    def gate(model: ModelId) -> ModelId | None:
        name = next((each.gate for each in registry.manifests() if each.model == model), "")
        return next((each for each in registry.gates() if each.name == name), None)

    return gate if settings.gate else lambda model: None


def _viewer_orthancs(settings: Settings) -> Mapping[str, OrthancDicomWeb]:
    """Return the Orthancs that the viewer reads, by their names."""
    from orthanc.dicomweb import OrthancDicomWeb

    return {
        peer.name: OrthancDicomWeb(peer.url, peer.viewer_root, *credentials(peer))
        for peer in settings.orthanc
        if peer.viewer_root
    }


def _uploads(settings: Settings, stores: Stores, intake: Intake) -> Uploads:
    from wetread.uploads import Uploads

    return Uploads(intake, stores.archive, stores.clock, settings.maximum_stow_mb * _MIB)
