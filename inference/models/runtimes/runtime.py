"""What runs a network: in this process or on a server, whatever its weights are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor


class Runtime(Protocol):
    def run(self, batch: Tensor) -> Mapping[str, Tensor]:
        """Return the network's outputs by name, in its order, float32 but for whole numbers.

        `batch`: (pictures, channels, rows, columns), or (1, channels, slices, rows, columns),
        float32, on the CPU; so are the outputs. Outputs without a name are called by their
        place: "0", "1". What the network computes is `computing`.

        Raises `ModelFailed`, `RuntimeError`, `ValueError` or `TypeError`.
        """
        ...


def named(answer: object, *, keep_graph: bool = False) -> dict[str, Tensor]:
    """Return what a module of torch answered by name, however it was nested.

    torchvision's detectors answer with one mapping for each picture, in a list; where they
    are scripted, with the losses in front. With `keep_graph` the tensors stay as they are, so
    that they can be differentiated.
    """
    found: dict[str, Tensor] = {}
    _collect(answer, "0", found)
    return found if keep_graph else {name: _plain(each) for name, each in found.items()}


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor


def _collect(answer: object, name: str, found: dict[str, Tensor]) -> None:
    if isinstance(answer, Tensor):
        if name in found:
            raise ValueError(f"the network answered twice with an output of the name {name!r}")
        found[name] = answer
    elif isinstance(answer, Mapping):
        for key, value in answer.items():
            _collect(value, str(key), found)
    elif isinstance(answer, list | tuple):
        for index, value in enumerate(answer):
            _collect(value, str(index), found)
    else:
        raise ValueError(f"the network answered with a {type(answer).__name__}, not with numbers")
