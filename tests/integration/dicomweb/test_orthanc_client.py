"""Orthanc's DICOMweb plugin as the client: it searches, retrieves and sends."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    servers = {"wetread": {"Url": f"{origin.url}/", "HasDelete": False}}
    return make_orthanc(options={"DicomWeb": {"Enable": True, "Servers": servers}})


def ask(orthanc: OrthancServer, what: str, body: Any) -> httpx.Response:
    with orthanc.http() as http:
        return http.post(f"/dicom-web/servers/wetread/{what}", content=json.dumps(body))


def test_it_searches(orthanc: OrthancServer) -> None:
    arguments = {"PatientName": "Müller*", "StudyDate": "20260101-20260131"}
    answer = ask(orthanc, "qido", {"Uri": "/studies", "Arguments": arguments})
    assert answer.status_code == 200, answer.text
    (study,) = answer.json()
    assert study["0020000D"]["Value"] == STUDY
    series = ask(orthanc, "qido", {"Uri": f"/studies/{STUDY}/series"}).json()
    assert len(series) == 2


def test_it_retrieves(orthanc: OrthancServer) -> None:
    for what in ("retrieve", "wado-retrieve"):
        body: Any = (
            {"Resources": [{"Study": STUDY}]}
            if what == "retrieve"
            else {"Uri": f"/studies/{STUDY}"}
        )
        answer = ask(orthanc, what, body)
        if answer.status_code == 404:
            continue  # the other name is that of later plugins
        assert answer.status_code == 200, answer.text
    assert len(orthanc.get("/instances")) == 4
    ask(orthanc, "retrieve", {"Resources": [{"Study": STUDY, "Series": SERIES}]})
    assert len(orthanc.get("/series")) == 2


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
