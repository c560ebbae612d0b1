"""A real Prometheus on a free loopback port."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.programs import HOST, TLS, Program, free_port


class PrometheusServer(Program):
    """Scrapes `targets` (host:port) every second, and gives them `labels`."""

    def __init__(
        self, directory: Path, targets: Sequence[str], labels: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(directory / "prometheus.log")
        self.directory = directory
        self.targets = list(targets)
        self.labels = dict(labels or {})
        self.port = 0

    def choose_ports(self) -> None:
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        program = shutil.which("prometheus")
        if program is None:
            pytest.skip("Prometheus is not installed (Debian package prometheus)")
        scraped = [{"targets": self.targets, "labels": self.labels}]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "wetread", "static_configs": scraped}],
        }
        file = self.directory / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        return [
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={self.directory / 'prometheus'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", trust_env=False, verify=TLS).status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self.url}/api/v1/query",
            params={"query": expression},
            trust_env=False,
            verify=TLS,
            timeout=30,
        )
        body = answer.json()
        assert body["status"] == "success", (expression, body)
        found: list[dict[str, Any]] = body["data"]["result"]
        return found
