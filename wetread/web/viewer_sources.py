"""DICOMweb of an Orthanc, at this node's own origin, so that the viewer's page may ask it.

Orthanc sends no CORS headers, and its password stays here.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from orthanc.client import OrthancError
from orthanc.dicomweb import OrthancDicomWeb
from wetread.web.viewer_config import ROOT, ViewerSource
from wetread.web.viewer_metadata import drawable

SOURCES = f"{ROOT}sources/"


def source_of(name: str) -> ViewerSource:
    return ViewerSource(name, name, f"{SOURCES}{name}/dicom-web")


def build_router(orthancs: Mapping[str, OrthancDicomWeb]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(f"{SOURCES}{{name}}/dicom-web/{{path:path}}")
    def read(request: Request, name: str, path: str) -> Response:
        if name not in orthancs:
            raise HTTPException(404)
        try:
            answer = orthancs[name].get(path, request.url.query, request.headers)
        except OrthancError:
            raise HTTPException(502) from None
        if answer is None:
            raise HTTPException(404)
        headers = dict(answer.headers)
        if answer.status in (401, 403):  # of the node, not of the reader: no browser may ask why
            raise HTTPException(502)
        if path.endswith("/metadata"):
            headers.pop("content-length", None)
            return Response(drawable(b"".join(answer.chunks)), answer.status, headers)
        return StreamingResponse(answer.chunks, answer.status, headers)

    return router
