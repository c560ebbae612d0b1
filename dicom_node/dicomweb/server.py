"""All resources of the origin server, as one router."""

from __future__ import annotations

from fastapi import APIRouter

from dicom_node.dicomweb.capabilities import add_capabilities
from dicom_node.dicomweb.context import Context, Worklisting
from dicom_node.dicomweb.problems import ProblemRoute
from dicom_node.dicomweb.qido import add_search
from dicom_node.dicomweb.stow import add_store
from dicom_node.dicomweb.ups import add_worklist
from dicom_node.dicomweb.ups_events import add_notifications
from dicom_node.dicomweb.uri import add_uri
from dicom_node.dicomweb.wado import add_retrieve


def dicomweb(context: Context, worklisting: Worklisting) -> APIRouter:
    """Return the Studies and the Worklist service (PS3.18 Chapters 10 and 11)."""
    router = APIRouter(route_class=ProblemRoute, tags=["DICOMweb"])
    add_search(router, context)
    add_retrieve(router, context)
    add_uri(router, context)
    add_store(router, context)
    add_worklist(router, worklisting)
    add_notifications(router, worklisting)
    add_capabilities(router)
    return router
