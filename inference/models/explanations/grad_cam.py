"""Grad-CAM (Selvaraju 2017): the last convolution's activations, weighed by their gradients."""

from __future__ import annotations

import copy
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from inference.models.networks import heat_map_layer
from inference.models.runtimes.module import ModuleRuntime


class GradCamExplainer:
    """`classes` are those of the network's answer that are outputs.

    Raises `ValueError` for a network without convolutions.
    """

    def __init__(self, runtime: ModuleRuntime, classes: range) -> None:
        self._runtime = runtime
        self._classes = classes
        # What runs without explanation has no hooks: they would keep what every run saw.
        network = _twin(runtime.network)
        layer = heat_map_layer(network)
        # Grad-CAM needs no gradient before the last convolution; to ask for no other spares
        # most of the way back.
        network.requires_grad_(False)
        convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
        convolutions[-1].requires_grad_(True)
        self._grad_cam = GradCAM(model=network, target_layers=[layer])

    def explain(self, inputs: Tensor) -> tuple[NDArray[np.float32], Tensor | None]:
        maps = []
        with self._runtime.alone(), torch.enable_grad():
            inputs = self._runtime.inputs(inputs)
            for index in self._classes:
                targets = [ClassifierOutputTarget(index)] * len(inputs)
                maps.append(self._grad_cam(input_tensor=inputs, targets=targets))
            logits = self._grad_cam.outputs.detach().cpu()
            self._grad_cam.activations_and_grads.clear()
        return np.stack(maps, axis=1), logits


def _twin(network: nn.Module) -> nn.Module:
    """Return a network with the same tensors, and hooks of its own."""
    tensors = chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(each): each for each in tensors})
