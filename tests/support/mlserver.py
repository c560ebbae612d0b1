"""A real server of the Open Inference Protocol: Seldon's MLServer, in an environment of its own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.support.programs import HOST, TLS, Program, alone, free_port

# It wants other versions than Wetread, and is big, so it is installed once, aside.
ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-mlserver"
MODEL = "lungs"


def install() -> Path:
    """Return the program; skip the test if it is not there and cannot be installed."""
    with alone("mlserver"):
        return _installed()


def _installed() -> Path:
    program = ENVIRONMENT / "bin" / "mlserver"
    if program.exists():
        return program
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "--retries=1"]
    try:
        for command in (
            [sys.executable, "-m", "venv", str(ENVIRONMENT)],
            [*pip, "mlserver>=1.7", "onnxruntime>=1.22"],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        pytest.skip(f"MLServer cannot be installed into {ENVIRONMENT.name}: {error}")
    return program


class MlServer(Program):
    """Serves one ONNX file whose input is called `pictures` and whose output `logits`."""

    def __init__(self, directory: Path, onnx: Path) -> None:
        super().__init__(directory / "mlserver.log")
        self._program = install()
        self._directory = directory
        self._port = 0
        shutil.copy(onnx, directory / "weights.onnx")
        shutil.copy(Path(__file__).with_name("mlserver_model.py"), directory)
        settings = {
            "name": MODEL,
            "implementation": "mlserver_model.OnnxModel",
            "inputs": [{"name": "pictures", "datatype": "FP32", "shape": [-1, 3, -1, -1]}],
            "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 1]}],
        }
        (directory / "model-settings.json").write_text(json.dumps(settings))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def choose_ports(self) -> None:
        self._port = free_port()
        settings = {
            "host": HOST,
            "http_port": self._port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            "parallel_workers": 0,
            "debug": False,
        }
        (self._directory / "settings.json").write_text(json.dumps(settings))

    def command(self) -> Sequence[str]:
        # MLServer looks for the model's class where it was started.
        script = f'cd "{self._directory}" && PYTHONPATH=. exec "{self._program}" start .'
        return ["/bin/sh", "-c", script]

    def answers(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/v2/models/{MODEL}/ready", verify=TLS)
            return answer.status_code == 200
        except httpx.HTTPError:
            return False

    def hang(self) -> None:
        """Let it hold its connections and say nothing any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
