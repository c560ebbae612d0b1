"""Serve OHIF beside a DICOMweb server, from one origin, so that no CORS is in the way.

    npm pack @ohif/app && tar xzf ohif-app-*.tgz          # nothing of OHIF is committed
    python tests/acceptance/ohif/serve.py package/dist http://127.0.0.1:8042/dicom-web --port 3001

Any DICOMweb server will do. Debian's Orthanc needs only, in its configuration,
"Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"] and
"DicomWeb": {"Enable": true, "Root": "/dicom-web/"}; POST the objects to /instances.

Then http://127.0.0.1:3001/viewer?StudyInstanceUIDs=<uid>. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import mimetypes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT = 120.0  # seconds
_ROOT = "/dicom-web"  # where the browser finds the DICOMweb server
_PASSED_ON = ("accept", "content-type", "range")  # request headers
_HANDED_BACK = ("content-type", "content-range", "content-location")  # response headers


def app_config() -> bytes:
    """Return app-config.js: one data source, read only."""
    source = {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": "dicomweb",
        "configuration": {
            "friendlyName": "DICOMweb",
            "name": "dicomweb",
            "wadoUriRoot": _ROOT,
            "qidoRoot": _ROOT,
            "wadoRoot": _ROOT,
            "qidoSupportsIncludeField": False,
            "imageRendering": "wadors",
            "thumbnailRendering": "wadors",
            "enableStudyLazyLoad": True,
            "supportsFuzzyMatching": False,
            "supportsWildcard": True,
            "omitQuotationForMultipartRequest": True,
            "bulkDataURI": {"enabled": True, "relativeResolution": "studies"},
        },
    }
    config = {
        "routerBasename": "/",
        "extensions": [],
        "modes": [],
        "customizationService": {},
        "showStudyList": True,
        "maxNumberOfWebWorkers": 2,
        "showLoadingIndicator": True,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": False,
        "strictZSpacingForVolumeViewport": True,
        "investigationalUseDialog": {"option": "never"},
        "defaultDataSourceName": "dicomweb",
        "dataSources": [source],
    }
    return f"window.config = {json.dumps(config)};".encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    dist: Path
    upstream: str

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith(_ROOT + "/"):
            self._proxy()
        elif path == "/app-config.js":
            self._answer(200, "text/javascript", app_config())
        else:
            self._static(path)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: paths hold UIDs."""

    def _proxy(self) -> None:
        parts = urlsplit(self.upstream)
        length = int(self.headers.get("content-length") or 0)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
        headers = {each: self.headers[each] for each in _PASSED_ON if each in self.headers}
        # Orthanc builds its Bulk Data URIs from these.
        headers["Host"] = self.headers["Host"]
        try:
            connection.request(
                self.command,
                parts.path + self.path.removeprefix(_ROOT),
                self.rfile.read(length) or None,
                headers,
            )
            response = connection.getresponse()
            body = response.read()
        except OSError:
            self._answer(502, "text/plain", b"the DICOMweb server does not answer")
            return
        finally:
            connection.close()
        extra = {each: response.headers[each] for each in _HANDED_BACK if each in response.headers}
        self._answer(response.status, extra.pop("content-type", "text/plain"), body, extra)

    def _static(self, path: str) -> None:
        file = (self.dist / path.lstrip("/")).resolve()
        if not file.is_relative_to(self.dist) or not file.is_file():
            file = self.dist / "index.html"  # OHIF routes by itself
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self._answer(200, kind, file.read_bytes())

    def _answer(
        self, status: int, kind: str, body: bytes, extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {
            "content-type": kind,
            "content-length": str(len(body)),
            # OHIF's workers need a SharedArrayBuffer.
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-embedder-policy": "require-corp",
            **(extra or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def server(dist: Path, upstream: str, port: int) -> ThreadingHTTPServer:
    handler = type("Bound", (Handler,), {"dist": dist.resolve(), "upstream": upstream})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dist", type=Path)
    parser.add_argument("upstream")
    parser.add_argument("--port", type=int, default=3001)
    arguments = parser.parse_args()
    server(arguments.dist, arguments.upstream, arguments.port).serve_forever()


if __name__ == "__main__":
    main()
