"""Orthanc's DICOMweb plugin as the client: it searches, retrieves and sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.origin import OriginServer, part10_of
from tests.support.servers import DICOMWEB_PLUGIN, OrthancServer
from tests.support.studies import OTHER, SERIES, STUDY, fill

pytestmark = pytest.mark.skipif(
    not DICOMWEB_PLUGIN.exists(), reason="Orthanc's DICOMweb plugin is not installed"
)


@pytest.fixture
def orthanc(make_orthanc: Callable[..., OrthancServer], origin: OriginServer) -> OrthancServer:
    servers = {"wetread": {"Url": f"{origin.url}/", "HasDelete": True}}
    return make_orthanc(options={"DicomWeb": {"Enable": True, "Servers": servers}})


def ask(orthanc: OrthancServer, what: str, body: Any) -> httpx.Response:
    with orthanc.http() as http:
        return http.post(f"/dicom-web/servers/wetread/{what}", content=json.dumps(body))


def test_everything_that_it_can_ask_is_asked_here(orthanc: OrthancServer) -> None:
    asked = set(re.findall(r'ask\(orthanc, "(\w+)"', Path(__file__).read_text()))
    assert set(orthanc.get("/dicom-web/servers/wetread")) == asked


def test_it_searches(orthanc: OrthancServer) -> None:
    arguments = {"PatientName": "Müller*", "StudyDate": "20260101-20260131"}
    answer = ask(orthanc, "qido", {"Uri": "/studies", "Arguments": arguments})
    assert answer.status_code == 200, answer.text
    (study,) = answer.json()
    assert study["0020000D"]["Value"] == STUDY
    series = ask(orthanc, "qido", {"Uri": f"/studies/{STUDY}/series"}).json()
    assert len(series) == 2


def test_it_retrieves(orthanc: OrthancServer) -> None:
    answer = ask(orthanc, "retrieve", {"Resources": [{"Study": STUDY}], "Synchronous": True})
    assert answer.status_code == 200, answer.text
    assert len(orthanc.get("/instances")) == 4
    ask(orthanc, "retrieve", {"Resources": [{"Study": STUDY, "Series": SERIES}]})
    assert len(orthanc.get("/series")) == 2


def test_it_retrieves_by_an_address(orthanc: OrthancServer) -> None:
    for uri, held in ((f"/studies/{STUDY}/series/{SERIES}", 3), (f"/studies/{STUDY}", 4)):
        answer = ask(orthanc, "wado", {"Uri": uri, "Synchronous": True})
        assert answer.status_code == 200, answer.text
        assert len(orthanc.get("/instances")) == held


def test_it_cannot_delete(orthanc: OrthancServer, origin: OriginServer) -> None:
    answer = ask(orthanc, "delete", {"Level": "Study", "StudyInstanceUID": STUDY})
    assert answer.status_code == 500  # so Orthanc says that the other side refused
    assert "405" in orthanc.log_text
    assert len(origin.json(f"/studies/{STUDY}/instances")) == 4


def test_it_asks_for_any_resource(orthanc: OrthancServer) -> None:
    uri = {"Uri": f"/studies/{STUDY}/series/{SERIES}/metadata"}
    answer = ask(orthanc, "get", {**uri, "HttpHeaders": {"Accept": "application/dicom+json"}})
    assert len(answer.json()) == 3


def test_it_sends(
    make_orthanc: Callable[..., OrthancServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with OriginServer(tmp_path_factory.mktemp("empty")) as empty:
        servers = {"wetread": [f"{empty.url}/", "", ""]}
        orthanc = make_orthanc(options={"DicomWeb": {"Enable": True, "Servers": servers}})
        with orthanc.http() as http:
            for made in fill():
                http.post("/instances", content=part10_of(made)).raise_for_status()
        answer = ask(orthanc, "stow", {"Resources": orthanc.get("/studies")})
        assert answer.status_code == 200, answer.text
        found = {each["0020000D"]["Value"][0] for each in empty.json("/studies")}
        assert found == {STUDY, OTHER}
        assert len(empty.json("/instances")) == 5
