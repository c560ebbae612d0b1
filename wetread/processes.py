"""The processes that the demo starts, and stops for sure."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from inference.domain.errors import WetreadError

_START_LIMIT = 120.0  # seconds
_STOP_LIMIT = 30.0  # seconds


class DemoFailed(WetreadError):
    """The demo did not come to its end."""


class Processes:
    """Child processes whose output goes to files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def run(
        self, command: list[str], log: str, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("wb") as stream:
            process = subprocess.Popen(
                command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for the demo, which stops them in order
            )
        self._stack.callback(_stop, process)
        return process

    def wait_for(self, url: str, process: subprocess.Popen[bytes], log: str) -> None:
        """Return when `url` answers; raises `DemoFailed` with the end of the log."""
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        path = self._folder / log
        tail = path.read_text(errors="replace")[-2000:]
        raise DemoFailed(f"{url} does not answer; the end of {path}:\n{tail}")

    def close(self) -> None:
        """Stop them, the youngest first."""
        self._stack.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
