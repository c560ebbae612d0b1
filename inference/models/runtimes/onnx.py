"""ONNX, run by onnxruntime, which comes with the extra `wetread[onnx]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.domain.computing import computing
from inference.domain.errors import ManifestError, ModelFailed

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class OnnxRuntime:
    """Runs a session of onnxruntime; `input_name` is "" for its only input."""

    def __init__(self, session: Any, input_name: str, name: str) -> None:
        inputs = [each.name for each in session.get_inputs()]
        if not input_name and len(inputs) != 1:
            raise ManifestError(
                f"{name} takes {len(inputs)} inputs: {', '.join(inputs)}; "
                "name the picture's in recipe.input"
            )
        if input_name and inputs != [input_name]:
            raise ManifestError(f"{name} has no input {input_name!r} alone; it has {inputs}")
        self._input = inputs[0]
        self._outputs = [each.name for each in session.get_outputs()]
        self._session = session

    def run(self, batch: Tensor) -> Mapping[str, Tensor]:
        try:
            pixels = batch.contiguous().numpy()
            with computing():
                found = self._session.run(self._outputs, {self._input: pixels})
        # onnxruntime's errors have no common class but Exception.
        except Exception as error:
            raise ModelFailed(f"onnxruntime refused the input: {str(error)[:300]}") from error
        return {
            name: _tensor(value)
            for name, value in zip(self._outputs, found, strict=True)
            if isinstance(value, np.ndarray)
        }


def load_onnx(content: bytes, name: str, device: str = "cpu", input_name: str = "") -> OnnxRuntime:
    """Raises `ManifestError`; `name` is the file's in messages."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ManifestError(
            f"{name}: {error.name} is not installed; install wetread[onnx] to run ONNX"
        ) from None
    try:
        graph = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError, whose module differs by version
        raise ManifestError(f"{name}: not ONNX: {str(error)[:300]}") from error
    if any(map(onnx.external_data_helper.uses_external_data, _tensors(graph))):
        raise ManifestError(
            f"{name}: its weights lie in another file, which weights_sha256 does not cover; "
            "export it again with the weights inside"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    known = onnxruntime.get_available_providers()
    wanted = [_CUDA, _CPU] if device.startswith("cuda") and _CUDA in known else [_CPU]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=wanted)
    except Exception as error:  # as above
        raise ManifestError(f"{name}: onnxruntime cannot load it: {str(error)[:300]}") from error
    return OnnxRuntime(session, input_name, name)


def _tensors(graph: Any) -> Any:
    """Yield every tensor of the file, those of subgraphs and functions too."""
    from onnx.external_data_helper import _get_all_tensors

    yield from _get_all_tensors(graph)


def _tensor(value: np.ndarray[Any, Any]) -> Tensor:
    kept = value if value.dtype.kind in "iub" else value.astype(np.float32, copy=False)
    return torch.from_numpy(np.ascontiguousarray(kept))
