"""Grad-CAM (Selvaraju 2017): the last convolution's activations, weighed by their gradients.

Ours, and not the package `grad-cam`: that imports Matplotlib, scikit-learn and the compiler of
torch before the first picture is read, and runs the network once for each class. The tests
hold the two to the same maps.
"""

from __future__ import annotations

import copy
from itertools import chain

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.models.networks import heat_map_layer
from inference.models.runtimes.module import ModuleRuntime

_NO_RANGE = 1e-7  # a map whose values differ by less is flat


class GradCamExplainer:
    """`classes` are those of the network's answer that are outputs.

    Raises `ValueError` for a network without convolutions.
    """

    def __init__(self, runtime: ModuleRuntime, classes: range) -> None:
        self._runtime = runtime
        self._classes = classes
        # What runs without explanation has no hooks: they would keep what every run saw.
        self._network = _twin(runtime.network)
        # Gradients start at the layer; before it, and for weights, nobody asks for any.
        self._network.requires_grad_(False)
        self._layer = heat_map_layer(self._network)

    def explain(self, inputs: Tensor) -> tuple[NDArray[np.float32], Tensor | None]:
        with self._runtime.alone(), torch.enable_grad():
            inputs = self._runtime.inputs(inputs)
            seen = _Activations()
            hook = self._layer.register_forward_hook(seen)
            try:
                logits = self._network(inputs)
            finally:
                hook.remove()
            maps = [seen.weighed_for(logits[:, index].sum()) for index in self._classes]
            rows, columns = inputs.shape[-2:]
            fitted = [[_fitted(each, rows, columns) for each in images] for images in maps]
        return np.array(fitted, dtype=np.float32).swapaxes(0, 1), logits.detach().cpu()


class _Activations:
    """A hook on a layer: what it gave, shape (images, channels, rows, columns)."""

    def __call__(self, layer: nn.Module, inputs: object, output: Tensor) -> Tensor:
        self._leaf = output.detach().requires_grad_()
        # What follows may change it in place, which a leaf forbids.
        passed_on = self._leaf.clone()
        self._values = passed_on.detach()
        return passed_on

    def weighed_for(self, score: Tensor) -> NDArray[np.float32]:
        """Return what speaks for `score`, not negative, shape (images, rows, columns)."""
        (gradients,) = torch.autograd.grad(score, self._leaf, retain_graph=True)
        weights = gradients.mean(dim=(2, 3), keepdim=True)
        return (weights * self._values).sum(dim=1).relu().cpu().numpy()


def _fitted(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return a map of the network's input, from 0 to 1 unless it is flat."""
    return _from_0_to_1(cv2.resize(_from_0_to_1(values), (columns, rows)))


def _from_0_to_1(values: NDArray[np.float32]) -> NDArray[np.float32]:
    values = values - values.min()
    return values / np.float32(_NO_RANGE + values.max())


def _twin(network: nn.Module) -> nn.Module:
    """Return a network with the same tensors, and hooks of its own."""
    tensors = chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(each): each for each in tensors})
