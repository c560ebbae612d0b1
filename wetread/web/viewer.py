"""The viewer OHIF at `/viewer/`."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from orthanc.dicomweb import OrthancDicomWeb
from wetread.web import viewer_sources
from wetread.web.pages import templates
from wetread.web.viewer_config import ISOLATED, ROOT, THIS_NODE, app_config
from wetread.web.viewer_files import PAGE, ViewerFiles

_YEAR = 365 * 24 * 3600  # seconds
# Its decoders are made as they run (WebAssembly and `new Function`), its styles too. Nothing may
# come from, or go to, another origin.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' {hashes}; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; frame-src 'self'; media-src 'self' blob:; "
    "manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def viewer_url(study_instance_uid: str, source: str = "") -> str:
    """Return the path at which the viewer opens a Study; `source` as settings name an Orthanc."""
    where = f"/{source}" if source else ""
    return f"{ROOT}viewer{where}?{urlencode({'StudyInstanceUIDs': study_instance_uid})}"


templates.env.globals["viewer_url"] = viewer_url


def build_router(files: ViewerFiles | None, orthancs: Mapping[str, OrthancDicomWeb]) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    router.include_router(viewer_sources.build_router(orthancs))
    sources = (THIS_NODE, *map(viewer_sources.source_of, orthancs))

    @router.get(ROOT.rstrip("/"))
    def root() -> RedirectResponse:
        return RedirectResponse(ROOT, 308)

    @router.get(f"{ROOT}app-config.js")
    def config() -> Response:
        script = app_config(ROOT.rstrip("/"), sources)
        return Response(script, media_type="text/javascript", headers=ISOLATED)

    @router.get(f"{ROOT}{{path:path}}")
    def viewer(request: Request, path: str) -> Response:
        if files is None or not files.there:
            return templates.TemplateResponse(request, "no_viewer.html", status_code=404)
        name = path.rpartition("/")[2]
        if path == PAGE or "." not in name:
            return _page(files)
        found = files.file(path)
        if found is None:
            return Response("there is no such file\n", 404, media_type="text/plain")
        headers = {
            **ISOLATED,
            "ETag": found.etag,
            "Cache-Control": f"public, max-age={_YEAR}, immutable" if found.forever else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if found.kind.startswith("text/javascript"):  # a worker has a policy of its own
            headers["Content-Security-Policy"] = _POLICY.format(hashes="").replace(" ;", ";")
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        content = found.content
        if found.gzipped:
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
            else:
                content = gzip.decompress(content)
        return Response(content, media_type=found.kind, headers=headers)

    return router


def _page(files: ViewerFiles) -> Response:
    """OHIF routes by itself: every address without a file's name is its page."""
    page, hashes = files.page()
    headers = {
        **ISOLATED,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY.format(hashes=" ".join(hashes)),
        "Referrer-Policy": "same-origin",
    }
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)
