"""A server as a `Runtime`: Open Inference Protocol v2 over HTTP (Triton, KServe, MLServer)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import requests
import torch
from torch import Tensor

from inference.domain.computing import computing
from inference.domain.errors import ManifestError, ModelFailed
from inference.models.server import Server

_LENGTH = "Inference-Header-Content-Length"  # of the JSON before the numbers
_LARGEST = 512 * 1024 * 1024  # bytes of an answer
_TYPES: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "u1",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


class OpenInferenceRuntime:
    """Asks `server`, and believes nothing that it answers before it is checked.

    `input_name` is "" for its only input. Raises `ModelFailed` when the server is not ready,
    so that a Job is tried again, and `ManifestError` when it has no such model or input.
    """

    def __init__(self, server: Server, input_name: str = "") -> None:
        self._server = server
        self._session = requests.Session()
        version = f"/versions/{server.version}" if server.version else ""
        self._url = f"{server.url}/v2/models/{server.model}{version}"
        if self._get(f"{server.url}/v2/health/ready").status_code != 200:
            raise ModelFailed(f"{server.url} is not ready; try again when it is")
        reply = self._get(self._url)
        if reply.status_code in (400, 404):
            raise ManifestError(
                f"{server.url} has no model {server.model!r} {server.version}".rstrip()
                + "; write one that it has in server.model and server.version"
            )
        inputs = _names(self._json(reply), "inputs")
        if self._get(f"{self._url}/ready").status_code != 200:
            raise ModelFailed(f"the model {server.model!r} is not ready on {server.url}")
        if not input_name and len(inputs) != 1:
            raise ManifestError(
                f"{server.model!r} on {server.url} names {len(inputs)} inputs "
                f"({', '.join(inputs)}); name the picture's in recipe.input"
            )
        if input_name and inputs and input_name not in inputs:
            raise ManifestError(f"{server.model!r} has no input {input_name!r}, but {inputs}")
        self._input = input_name or inputs[0]

    def run(self, batch: Tensor) -> Mapping[str, Tensor]:
        pixels = batch.contiguous().numpy().astype("<f4", copy=False)
        one: dict[str, Any] = {
            "name": self._input,
            "shape": list(pixels.shape),
            "datatype": "FP32",
        }
        if self._server.binary:
            numbers = pixels.tobytes()
            one["parameters"] = {"binary_data_size": len(numbers)}
            asked = {"inputs": [one], "parameters": {"binary_data_output": True}}
            header = json.dumps(asked).encode()
            reply = self._post(
                header + numbers,
                {"Content-Type": "application/octet-stream", _LENGTH: str(len(header))},
            )
        else:
            one["data"] = pixels.ravel().tolist()
            body = json.dumps({"inputs": [one]}).encode()
            reply = self._post(body, {"Content-Type": "application/json"})
        return self._outputs(reply)

    def _outputs(self, reply: requests.Response) -> dict[str, Tensor]:
        content = reply.content
        length = reply.headers.get(_LENGTH)
        if length is not None and not (length.isdigit() and int(length) <= len(content)):
            raise self._garbage("the length of its header is wrong")
        split = len(content) if length is None else int(length)
        answer, rest = self._parsed(content[:split]), memoryview(content)[split:]
        outputs = answer.get("outputs")
        if not isinstance(outputs, list) or not outputs:
            raise self._garbage("there are no outputs in it")
        found: dict[str, Tensor] = {}
        for each in outputs:
            try:
                name, tensor, used = _tensor(each, rest)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise self._garbage(f"an output is wrong: {error}") from error
            found[name] = tensor
            rest = rest[used:]
        return found

    def _get(self, url: str) -> requests.Response:
        return self._ask("GET", url)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        with computing():
            reply = self._ask("POST", f"{self._url}/infer", body, headers)
        if reply.status_code != 200:
            raise ModelFailed(
                f"{self._server.url} answered with status {reply.status_code}: "
                f"{reply.text[:200]!r}; see the server's log"
            )
        return reply

    def _ask(
        self, method: str, url: str, body: bytes | None = None, headers: Any = None
    ) -> requests.Response:
        try:
            # A model's server is inside the house: no redirect may lead pixels out of it.
            return self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=self._server.timeout_seconds,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise ModelFailed(
                f"{self._server.url} did not answer within {self._server.timeout_seconds:g} s; "
                "see whether it hangs, or raise server.timeout_seconds"
            ) from error
        except requests.RequestException as error:
            raise ModelFailed(
                f"{self._server.url} cannot be reached ({type(error).__name__}); "
                "start it, or correct server.url"
            ) from error

    def _json(self, reply: requests.Response) -> dict[str, Any]:
        if reply.status_code != 200:
            raise ModelFailed(f"{self._server.url} answered with status {reply.status_code}")
        return self._parsed(reply.content)

    def _parsed(self, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            raise self._garbage("it is not JSON") from None
        if not isinstance(answer, dict):
            raise self._garbage("it is no JSON object")
        return answer

    def _garbage(self, what: str) -> ModelFailed:
        return ModelFailed(
            f"{self._server.url} does not answer by the Open Inference Protocol v2: {what}; "
            "see whether server.url is that of the model's server"
        )


def _tensor(output: Mapping[str, Any], rest: memoryview) -> tuple[str, Tensor, int]:
    """Return name, numbers, and how many bytes of `rest` they took."""
    kind = np.dtype(_TYPES[output["datatype"]])
    shape = [int(each) for each in output["shape"]]
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize > _LARGEST:
        raise ValueError(f"the shape {shape} cannot be")
    used = int((output.get("parameters") or {}).get("binary_data_size", 0))
    if "data" in output:
        values = np.asarray(output["data"], dtype=kind)
        used = 0
    else:
        if used != math.prod(shape) * kind.itemsize or used > len(rest):
            raise ValueError("the number of bytes is not that of its shape")
        values = np.frombuffer(rest[:used], dtype=kind)
    wanted = np.float32 if kind.kind == "f" else np.int64
    return str(output["name"]), torch.from_numpy(values.reshape(shape).astype(wanted)), used


def _names(metadata: Mapping[str, Any], key: str) -> list[str]:
    listed = metadata.get(key) or []
    if not isinstance(listed, list):
        return []
    return [str(each["name"]) for each in listed if isinstance(each, Mapping) and "name" in each]
