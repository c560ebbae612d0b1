"""The binary data extension as Triton's own client speaks it, which MLServer's environment has."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import requests
import torch

from inference.models.runtimes.open_inference import OpenInferenceRuntime
from inference.models.server import Server
from tests.support.mlserver import ENVIRONMENT, install

TRITON = """
import sys
import numpy, tritonclient.http as http
pixels = numpy.arange(2 * 1 * 3 * 4, dtype=numpy.float32).reshape(2, 1, 3, 4)
one = http.InferInput("pictures", list(pixels.shape), "FP32")
one.set_data_from_numpy(pixels, binary_data=True)
body, length = http.InferenceServerClient.generate_request_body([one])
sys.stdout.buffer.write(length.to_bytes(4, "big") + body)
"""
pytestmark = pytest.mark.timeout(900)


def test_a_binary_request_is_that_of_tritons_client(monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    sent: dict[str, Any] = {}

    def request(self: Any, method: str, url: str, **keys: Any) -> requests.Response:
        reply = requests.Response()
        reply.status_code = 200
        reply._content = b'{"inputs": [{"name": "pictures"}]}'
        if method == "POST":
            sent.update(keys)
            logits = {"name": "logits", "shape": [2], "datatype": "FP32", "data": [1, 2]}
            reply._content = json.dumps({"outputs": [logits]}).encode()
        return reply

    monkeypatch.setattr(requests.Session, "request", request)
    runtime = OpenInferenceRuntime(Server("http://a", "lungs", binary=True))
    found = runtime.run(torch.arange(24, dtype=torch.float32).reshape(2, 1, 3, 4))
    assert found["logits"].tolist() == [1.0, 2.0]

    command = [ENVIRONMENT / "bin" / "python", "-c", TRITON]
    theirs = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    length, body = int.from_bytes(theirs[:4], "big"), theirs[4:]
    ours = int(sent["headers"]["Inference-Header-Content-Length"])
    assert sent["data"][ours:] == body[length:]
    assert json.loads(sent["data"][:ours])["inputs"] == json.loads(body[:length])["inputs"]
