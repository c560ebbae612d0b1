"""The HTTP side of a node as one application: pages, API, FHIR, DICOMweb, viewer and probes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, FastAPI

from dicom_node.dicomweb import PREFIX
from inference.ports import Service
from orthanc.dicomweb import OrthancDicomWeb
from wetread.bootstrap import VERSION, Stores
from wetread.shelf import Shelf
from wetread.uploads import Uploads
from wetread.web import (
    incidents,
    models,
    operations,
    reading_list,
    reference,
    study,
    upload,
    viewer,
    viewer_reports,
)
from wetread.web.api import Reviewing, build_api
from wetread.web.cors import DicomWebCors
from wetread.web.fhir import build_fhir
from wetread.web.handlers import add_handlers
from wetread.web.headers import AnswerHeaders
from wetread.web.models import Cards
from wetread.web.pages import static
from wetread.web.probes import build_probes
from wetread.web.proxied import Proxied
from wetread.web.reference import describe_api
from wetread.web.study import Gates
from wetread.web.viewer_config import THIS_NODE
from wetread.web.viewer_files import ViewerFiles
from wetread.web.viewer_metadata import DrawableDicomWeb


def build_app(
    stores: Stores,
    ready: threading.Event,
    routers: Sequence[APIRouter] = (),
    cors_origins: Sequence[str] = (),
    cards: Cards = lambda model: None,
    knows_reviewer: bool = False,
    viewer_files: ViewerFiles | None = None,
    viewer_orthancs: Mapping[str, OrthancDicomWeb] | None = None,
    reviewing: Reviewing | None = None,
    shelf: Shelf | None = None,
    destinations: Sequence[str] = (),
    uploads: Uploads | None = None,
    gates: Gates = lambda model: None,
    services: Sequence[Service] = (),
    closing: threading.Event | None = None,
) -> FastAPI:
    """`ready` is set while all `services` run. `cors_origins` may read DICOMweb.

    `cards` finds what a model's page shows. `knows_reviewer`: a proxy says who reviews.
    `reviewing`, `shelf` and `destinations` are those of the API; `closing` is set when the
    node stops, and ends its streams.
    """
    app = FastAPI(title="Wetread", version=VERSION, docs_url=None, redoc_url=None)
    app.state.viewer = viewer_files
    app.mount("/static", static)
    app.mount(THIS_NODE.root, DrawableDicomWeb(app, PREFIX))
    pages = (
        reading_list.build_router(stores),
        study.build_router(stores, knows_reviewer, gates),
        models.build_router(cards),
        operations.build_router(stores),
        incidents.build_router(stores, knows_reviewer),
        upload.build_router(uploads),
        reference.build_router(),
    )
    api = (
        *build_api(stores, reviewing, shelf, destinations, closing),
        build_fhir(stores, shelf),
    )
    for router in (*pages, *api, *routers, viewer_reports.build_router(stores)):
        app.include_router(router)
    app.include_router(viewer.build_router(viewer_files, viewer_orthancs or {}))
    app.include_router(build_probes(stores, ready, services))
    if cors_origins:
        app.add_middleware(DicomWebCors, origins=cors_origins)

    add_handlers(app)
    app.add_middleware(AnswerHeaders)
    app.add_middleware(Proxied)
    describe_api(app)
    return app
