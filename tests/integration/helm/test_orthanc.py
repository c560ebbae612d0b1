"""A real Orthanc starts with the configuration that the chart writes, and takes its passwords."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support.compose import FILE
from tests.support.helm import Helm, one
from tests.support.servers import DICOMWEB_PLUGIN, OrthancServer


class ChartsOrthanc(OrthancServer):
    """Runs by the chart's configuration: only ports, folders and plugins are this machine's."""

    def __init__(self, directory: Path, text: str) -> None:
        super().__init__(directory)
        self.text = text

    @property
    def configuration(self) -> dict[str, object]:
        here = {
            "StorageDirectory": str(self.directory / "storage"),
            "IndexDirectory": str(self.directory / "index"),
            "TemporaryDirectory": str(self.directory),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "Plugins": [str(DICOMWEB_PLUGIN)] if DICOMWEB_PLUGIN.exists() else [],
        }
        charts: dict[str, object] = json.loads(self.text)
        assert set(here) <= set(charts)
        return charts | here

    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, auth=("wetread", "sesame"), timeout=30, trust_env=False
        )


def test_orthanc_starts_and_asks_for_the_password_of_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"orthanc": {"enabled": True, "existingSecret": {"name": "any"}}}
    text = one(Helm(4).template(**values), "ConfigMap", "-orthanc")["data"]["orthanc.json"]
    monkeypatch.setenv("ORTHANC_PASSWORD", "sesame")
    with ChartsOrthanc(tmp_path, text) as orthanc:
        assert orthanc.get("/system")["DicomAet"] == "ORTHANC"
        assert orthanc.get("/modalities/wetread/configuration")["AET"] == "WETREAD"
        assert httpx.get(f"{orthanc.url}/system", trust_env=False).status_code == 401


def test_orthanc_of_compose_takes_what_stands_in_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charts = json.loads((FILE.parent / "compose" / "orthanc.json").read_text())
    charts |= {"HttpPort": 0, "DicomPort": 0}
    monkeypatch.setenv("ORTHANC_PASSWORD", "sesame")
    monkeypatch.setenv("ORTHANC_DATABASE_PASSWORD", "unused")
    monkeypatch.setenv("AE_TITLE", "BOX_AI")
    with ChartsOrthanc(tmp_path, json.dumps(charts)) as orthanc:
        assert orthanc.get("/modalities/wetread/configuration")["AET"] == "BOX_AI"
