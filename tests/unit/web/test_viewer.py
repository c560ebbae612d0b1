"""The viewer at its own path: files as OHIF's build has them, moved, compressed and shut in."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import APIRouter, Response

from wetread import web
from wetread.web.app import build_app
from wetread.web.viewer import viewer_url
from wetread.web.viewer_config import REPORTS, ROOT
from wetread.web.viewer_files import ViewerFiles
from wetread.web.viewer_metadata import drawable

PAGE = """<!doctype html><html><head><script>window.PUBLIC_URL="/"</script>
<script src="/app-config.js"></script><script type="module" src="/init-service-worker.js"></script>
<script defer src="/app.bundle.0123456789abcdef.js"></script>
<link href="/app.bundle.css"></head></html>"""
SCRIPT = """window.browserImportFunction('/other.js');
__webpack_require__.p = "/";"""
STUDY = "1.2.3"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "app.bundle.0123456789abcdef.js").write_text(SCRIPT)
    (dist / "app.bundle.css").write_text("@font-face{src:url(/a.woff2)}")
    (dist / "assets" / "icon.png").write_bytes(b"png")
    (dist / "sw.js").write_text("importScripts('https://elsewhere.example/sw.js')")
    (tmp_path / "secret.js").write_text("secret")
    (dist / "link.js").symlink_to(tmp_path / "secret.js")
    return dist


class Client:
    """Asks a node without stores."""

    def __init__(self, dist: Path | None, *routers: APIRouter) -> None:
        files = ViewerFiles(dist, ROOT) if dist else None
        nothing = cast(Any, None)
        self._app = build_app(nothing, threading.Event(), routers, viewer_files=files)

    def get(self, url: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
                return await http.get(url, **what)

        return asyncio.run(ask())


def test_every_address_of_the_viewer_is_its_page_moved_to_its_path(dist: Path) -> None:
    for path in (ROOT, f"{ROOT}viewer?StudyInstanceUIDs={STUDY}", f"{ROOT}index.html"):
        answer = Client(dist).get(path)
        assert answer.status_code == 200
        assert 'window.PUBLIC_URL="/viewer/"' in answer.text
        assert 'src="/viewer/app.bundle.0123456789abcdef.js"' in answer.text
        assert 'href="/viewer/app.bundle.css"' in answer.text
        assert "service-worker" not in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    assert Client(dist).get("/viewer").headers["location"] == ROOT


def test_the_page_runs_its_own_scripts_and_nothing_from_elsewhere(dist: Path) -> None:
    headers = Client(dist).get(ROOT).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-eval' 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"


def test_chunks_are_looked_for_beneath_the_viewer(dist: Path) -> None:
    answer = Client(dist).get(f"{ROOT}app.bundle.0123456789abcdef.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == SCRIPT.replace("'/o", "'/viewer/o").replace('"/"', '"/viewer/"')
    assert "immutable" in answer.headers["cache-control"]
    plain = Client(dist).get(
        f"{ROOT}app.bundle.0123456789abcdef.js", headers={"accept-encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text
    style = Client(dist).get(f"{ROOT}app.bundle.css")
    assert "url(/viewer/a.woff2)" in style.text
    assert style.headers["cache-control"] == "no-cache"
    etag = {"if-none-match": style.headers["etag"]}
    assert Client(dist).get(f"{ROOT}app.bundle.css", headers=etag).status_code == 304
    assert Client(dist).get(f"{ROOT}assets/icon.png").content == b"png"


@pytest.mark.parametrize(
    "name", ["sw.js", "link.js", "%2e%2e/secret.js", "none.js", "assets/none.png", "a%00.js"]
)
def test_no_other_file_is_served(dist: Path, name: str) -> None:
    assert Client(dist).get(f"{ROOT}{name}").status_code == 404


def test_the_configuration_reads_this_node(dist: Path) -> None:
    answer = Client(dist).get(f"{ROOT}app-config.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert 'routerBasename: "/viewer"' in answer.text
    assert '"root": "/viewer/dicom-web"' in answer.text
    assert "sources/pacs" not in answer.text


@pytest.mark.parametrize("dist", [None])
def test_without_the_viewer_its_address_says_what_to_do(dist: None) -> None:
    answer = Client(dist).get(viewer_url(STUDY))
    assert answer.status_code == 404
    assert "make setup" in answer.text
    assert "viewer_folder" in answer.text
    assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_a_study_has_one_address_in_the_viewer() -> None:
    assert viewer_url(STUDY) == "/viewer/viewer?StudyInstanceUIDs=1.2.3"
    assert viewer_url(STUDY, "pacs") == "/viewer/viewer/pacs?StudyInstanceUIDs=1.2.3"
    assert viewer_url("1&x=<") == "/viewer/viewer?StudyInstanceUIDs=1%26x%3D%3C"


def test_a_spacing_of_zero_is_left_out_and_nothing_else() -> None:
    none: dict[str, Any] = {"vr": "DS", "Value": [0, 0.0]}
    some: dict[str, Any] = {"vr": "DS", "Value": [0.5, 0.5]}
    rows = {"vr": "US", "Value": [0]}
    given = [{"00280030": none, "00181164": some, "00280010": rows}, {"00280030": {"vr": "DS"}}]
    answered = json.loads(drawable(json.dumps(given).encode()))
    assert answered == [{"00181164": some, "00280010": rows}, {"00280030": {"vr": "DS"}}]
    for untouched in (json.dumps([{"00280030": some}]).encode(), b'"00280030"', b'{"00280030": '):
        assert drawable(untouched) == untouched


def test_the_viewer_reads_dicomweb_with_that_alone_changed(dist: Path) -> None:
    router = APIRouter()
    metadata = [{"00280030": {"vr": "DS", "Value": [0, 0]}}]

    @router.get("/dicom-web/studies/{study}/metadata")
    def answer(study: str) -> Response:
        return Response(json.dumps(metadata))

    @router.get("/dicom-web/studies")
    def search(limit: int) -> dict[str, int]:
        return {"00280030": limit}

    web = Client(dist, router)
    path = f"{ROOT}dicom-web/studies/{STUDY}/metadata"
    for encoding in ("gzip, br", "identity"):
        answered = web.get(path, headers={"accept-encoding": encoding})
        assert answered.json() == [{}]
        assert answered.headers.get("content-encoding") == ("gzip" if "gzip" in encoding else None)
    assert web.get(f"/dicom-web/studies/{STUDY}/metadata").json() == metadata
    assert web.get(f"{ROOT}dicom-web/studies?limit=3").json() == {"00280030": 3}
    assert web.get(f"{ROOT}dicom-web/nothing").status_code == 404


def test_the_panel_of_reports_may_be_framed_by_the_viewer_alone(dist: Path) -> None:
    answer = Client(dist).get(REPORTS)
    assert answer.status_code == 200
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert Client(dist).get(f"{REPORTS}?StudyInstanceUIDs=a/b").status_code == 400
    assert REPORTS in Client(dist).get(f"{ROOT}app-config.js").text


def test_the_panel_is_dark_in_all_its_colours_whatever_the_reader_prefers() -> None:
    static = Path(web.__file__).parent / "static"
    light, dark = (
        set(re.findall(r"(--[a-z-]+):", (static / name).read_text()))
        for name in ("wetread.css", "viewer-reports.css")
    )
    assert light <= dark  # what it leaves out would be that of a bright page
