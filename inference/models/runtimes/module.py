"""A module of torch as a `Runtime`: native, TorchScript or torch.export."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from inference.domain.computing import computing
from inference.models.runtimes.runtime import named


class ModuleRuntime:
    """Runs `network`, which is in evaluation mode, on `device`.

    `takes_list`: it wants a list of (channels, rows, columns), as torchvision's detectors do.
    `channels_last`: the order in memory in which convolutions of torch are fastest.

    `half`: the type of less than 32 bits in which `run` may make sums, or None. `forward`: what
    `run` asks, `network` or what it was compiled to. Who computes gradients uses neither.

    One call runs at a time, `alone`: two at once are no faster, and Grad-CAM
    hooks into its network.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str = "cpu",
        *,
        takes_list: bool = False,
        channels_last: bool = False,
    ) -> None:
        self.network = network
        self.device = torch.device(device)
        self.takes_list = takes_list
        self.forward: Callable[[Any], object] = network
        self.half: torch.dtype | None = None
        self._lock = threading.Lock()
        self._channels_last = channels_last

    def run(self, batch: Tensor) -> Mapping[str, Tensor]:
        with self.alone(), torch.inference_mode(), self._numbers():
            inputs = self.inputs(batch)
            return named(self.forward(list(inputs) if self.takes_list else inputs))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else computes; the block is what is computed."""
        with self._lock, computing():
            yield

    def _numbers(self) -> AbstractContextManager[object]:
        if self.half is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.half)

    def inputs(self, batch: Tensor) -> Tensor:
        """Return the batch where and how the network wants it."""
        batch = batch.to(self.device)
        if self._channels_last and batch.ndim == 4:
            return batch.contiguous(memory_format=torch.channels_last)
        return batch.contiguous()


def native(network: nn.Module, device: str = "cpu", *, takes_list: bool = False) -> ModuleRuntime:
    """Return the runtime of a network that was built here."""
    network = network.eval().to(torch.device(device))
    if not any(isinstance(part, nn.Conv3d) for part in network.modules()):
        network = network.to(memory_format=torch.channels_last)
    return ModuleRuntime(network, device, takes_list=takes_list, channels_last=True)
