"""Real servers on free loopback ports: Orthanc, and DCMTK's storescp."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.dcmtk import StorescpServer, echoscu, storescu
from tests.support.programs import HOST, TLS, Program, free_port, wait_for

__all__ = [
    "HOST",
    "OrthancServer",
    "Program",
    "StorescpServer",
    "echoscu",
    "free_port",
    "storescu",
    "wait_for",
]

ORTHANC = "Orthanc"
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class OrthancServer(Program):
    """An Orthanc of its own: storage, configuration and log lie in `directory`.

    `users` turns authentication on. `modalities` are DicomModalities as Orthanc's
    configuration wants them: alias -> (AE title, host, port). `options` are added to the
    configuration, last.
    """

    def __init__(
        self,
        directory: Path,
        *,
        aet: str = "ORTHANC",
        stable_age: int = 2,  # seconds
        users: Mapping[str, str] | None = None,
        modalities: Mapping[str, tuple[str, str, int]] | None = None,
        dicomweb: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(directory / "orthanc.log")
        self.directory = directory
        self.aet = aet
        self.stable_age = stable_age
        self.users = dict(users or {})
        self.modalities = dict(modalities or {})
        self.dicomweb = dicomweb and DICOMWEB_PLUGIN.exists()
        self.options = dict(options or {})
        self.http_port = 0
        self.dicom_port = 0
        self.program = shutil.which(ORTHANC, path="/usr/sbin:/usr/local/sbin:/usr/local/bin")

    def choose_ports(self) -> None:
        self.http_port = free_port()
        self.dicom_port = free_port()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def dicomweb_url(self) -> str:
        return f"{self.url}/dicom-web"

    @property
    def configuration(self) -> dict[str, Any]:
        return {
            "Name": "test",
            "StorageDirectory": str(self.directory / "storage"),
            "IndexDirectory": str(self.directory / "index"),
            "Plugins": [str(DICOMWEB_PLUGIN)] if self.dicomweb else [],
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": self.aet,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowEcho": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self.users),
            "RegisteredUsers": self.users,
            "StableAge": self.stable_age,
            "OverwriteInstances": False,
            "DicomModalities": {
                alias: {"AET": aet, "Host": host, "Port": port}
                for alias, (aet, host, port) in self.modalities.items()
            },
            **self.options,
        }

    def command(self) -> Sequence[str]:
        if self.program is None:
            pytest.skip("Orthanc is not installed (Debian package orthanc)")
        file = self.directory / "orthanc.json"
        file.write_text(json.dumps(self.configuration, indent=1))
        return [self.program, str(file)]

    def http(self) -> httpx.Client:
        """A client of the REST API, with the first user's password."""
        user = next(iter(self.users.items()), None)
        return httpx.Client(base_url=self.url, auth=user, timeout=30.0, trust_env=False, verify=TLS)

    def answers(self) -> bool:
        try:
            with self.http() as http:
                return http.get("/system").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        with self.http() as http:
            return http.get(path).raise_for_status().json()

    def upload(self, *files: Path) -> list[str]:
        """POST /instances; return Orthanc's identifiers."""
        with self.http() as http:
            return [
                http.post("/instances", content=file.read_bytes()).raise_for_status().json()["ID"]
                for file in files
            ]

    def delete(self, path: str) -> None:
        with self.http() as http:
            http.delete(path).raise_for_status()

    def find(self, uid: str) -> list[str]:
        """POST /tools/lookup: Orthanc's identifiers for a DICOM UID, on any level."""
        with self.http() as http:
            answer = http.post("/tools/lookup", content=uid).raise_for_status().json()
        return [entry["ID"] for entry in answer]

    def changes(self, kind: str = "") -> list[dict[str, Any]]:
        changes = self.get("/changes?limit=100000")["Changes"]
        return [change for change in changes if not kind or change["ChangeType"] == kind]

    def wait_stable(self, studies: int = 1, timeout: float = 60.0) -> None:
        """Wait until this many StableStudy changes have been logged."""
        wait_for(
            lambda: len(self.changes("StableStudy")) >= studies, f"{studies} StableStudy", timeout
        )
