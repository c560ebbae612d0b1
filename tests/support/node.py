"""A Wetread node: the process itself, as `wetread serve` starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.programs import HOST, TLS, Program, free_port, wait_for

AE_TITLE = "WETREAD"


class Node(Program):
    """`settings` are the settings of wetread.toml by name; lists and tables as Python has them.

    The state directory outlives `kill`, `stop` and `start`. `ready` is the probe that tells
    when it is up.
    """

    def __init__(self, directory: Path, ready: str = "/readyz", **settings: Any) -> None:
        super().__init__(directory / "node.log")
        self.ready = ready
        self.home = directory / "home"
        # A gate would refuse the drawn radiographs that most tests send.
        self.settings: dict[str, Any] = {
            "quiet_seconds": 1,
            "low_watermark_mb": 1,
            "gate": False,
        } | settings
        self.port = 0
        self.http_port = 0

    def choose_ports(self) -> None:
        self.port = free_port()
        self.http_port = free_port()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def environment(self) -> dict[str, str]:
        settings = self.settings | {
            "home": str(self.home),
            "dimse_host": HOST,
            "dimse_port": self.port,
            "http_port": self.http_port,
        }
        return {
            f"WETREAD_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in settings.items()
        }

    def command(self) -> Sequence[str]:
        # `env` becomes the node: same process, so that `kill` hits the node itself.
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        return ["/usr/bin/env", *pairs, sys.executable, "-m", "wetread", "serve"]

    def maps(self, library: str) -> bool:
        """Does the process have this library in its memory?"""
        assert self._process is not None
        return library in Path(f"/proc/{self._process.pid}/maps").read_text()

    def answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}{self.ready}", trust_env=False, verify=TLS, timeout=5)
            return answer.status_code == 200
        except httpx.TransportError:
            return False

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `wetread ARGUMENTS` with this node's settings, in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "wetread", *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """What `wetread status --json` prints, by HTTP."""
        answer = httpx.get(
            f"{self.url}/api/v1/status?limit=1000", trust_env=False, verify=TLS, timeout=30
        ).raise_for_status()
        status: dict[str, Any] = answer.json()
        assert status["problems"] == []
        return status

    def settle(self, studies: int, timeout: float = 180.0) -> dict[str, Any]:
        """Wait until so many Studies are stable, read and delivered; return the status."""

        def settled() -> dict[str, Any] | None:
            status = self.status()
            account = status["account"]
            waiting = (
                "studies_receiving",
                "jobs_queued",
                "jobs_running",
                "shadow_queued",
                "shadow_running",
                "deliveries_pending",
            )
            quiet = account["studies_stable"] >= studies and not any(
                account[each] for each in waiting
            )
            return status if quiet else None

        try:
            # The node has better to do meanwhile than to answer.
            return wait_for(settled, f"{studies} studies settled", timeout, 0.2)  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text[-6000:]}") from None

    def results(self, role: str | None = None) -> list[Path]:
        """The Part 10 files of all results that the status lists, by way of the archive."""
        held = {path.name: path for path in (self.home / "archive" / "results").rglob("*.dcm")}
        uids = [
            each["sop_instance_uid"]
            for study in self.status()["studies"]
            for job in study["jobs"]
            for each in job["objects"]
            if role in (None, each["role"])
        ]
        return [next(path for name, path in held.items() if uid in name) for uid in uids]
