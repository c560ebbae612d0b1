"""A network of torch as the port `Model`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from inference.domain.errors import ModelFailed
from inference.domain.manifest import Manifest
from inference.models.networks import heat_map_layer
from inference.models.preprocessing import prepare_by
from inference.models.recipe import Activation, Recipe
from inference.ports import Assessment, Picture

_BATCH = 16  # pictures at once; bounds the memory, whatever the caller hands in


class TorchModel:
    """Certainties by sigmoid of logit / temperature; heat maps by Grad-CAM.

    Grad-CAM stretches every map to 1, however little there is to see; here its peak is the
    certainty in parts of the threshold, at most 1, so that a picture without the finding
    glows the less.

    One call runs at a time: Grad-CAM keeps what its hooks saw on the network.
    """

    def __init__(
        self, manifest: Manifest, recipe: Recipe, network: nn.Module, device: str = "cpu"
    ) -> None:
        self._manifest = manifest
        self._recipe = recipe
        self._device = torch.device(device)
        self._network = network.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Grad-CAM needs no gradient before the last convolution; to ask for no other spares
        # most of the way back.
        self._network.requires_grad_(False)
        convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
        convolutions[-1].requires_grad_(True)
        self._grad_cam = GradCAM(model=self._network, target_layers=[heat_map_layer(network)])
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def assess(self, pictures: Sequence[Picture], *, explain: bool = True) -> Sequence[Assessment]:
        """Return one Assessment for each picture. Raises `ModelFailed`."""
        found: list[Assessment] = []
        for batch in _batches(pictures):
            try:
                found.extend(self._assess(batch, explain))
            except (RuntimeError, ValueError, TypeError, ArithmeticError, cv2.error) as error:
                raise ModelFailed(f"{self._manifest.model} failed: {error}") from error
        return found

    def certainties(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return (pictures, outputs), as `assess` does but without heat maps."""
        none = np.empty((0, len(self._manifest.outputs)), dtype=np.float32)
        return np.concatenate([none, *(self._plain(batch) for batch in _batches(pictures))])

    def _assess(self, pictures: Sequence[Picture], explain: bool) -> list[Assessment]:
        for picture in pictures:
            if picture.pixels.ndim != 2 or not np.isfinite(picture.pixels).all():
                raise ValueError("a picture must be (rows, columns) of finite numbers")
        if explain:
            heat, certainty = self._explained(pictures)
        else:
            heat, certainty = {}, self._plain(pictures)
        return [
            Assessment(
                certainty={
                    output.name: float(certainty[row, index])
                    for index, output in enumerate(self._manifest.outputs)
                },
                heat_maps={
                    output.name: _fit(
                        heat[output.name][row]
                        * min(1.0, certainty[row, index] / max(output.threshold, 1e-6)),
                        picture.pixels.shape,
                    )
                    for index, output in enumerate(self._manifest.outputs)
                    if output.name in heat
                },
            )
            for row, picture in enumerate(pictures)
        ]

    def _plain(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return the certainties, (pictures, outputs)."""
        with self._lock, torch.inference_mode():
            inputs = self._inputs(pictures)
            return self._certainty(self._network(inputs), self._mirrored(inputs))

    def _explained(
        self, pictures: Sequence[Picture]
    ) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
        """Return the heat maps, (pictures, size, size) by output, and what `_plain` does."""
        heat: dict[str, NDArray[np.float32]] = {}
        with self._lock, torch.enable_grad():
            inputs = self._inputs(pictures)
            for index, output in enumerate(self._manifest.outputs):
                targets = [ClassifierOutputTarget(index)] * len(pictures)
                heat[output.name] = self._grad_cam(input_tensor=inputs, targets=targets)
            logits = self._grad_cam.outputs.detach()
            self._grad_cam.activations_and_grads.clear()
            return heat, self._certainty(logits, self._mirrored(inputs))

    def _inputs(self, pictures: Sequence[Picture]) -> Tensor:
        """Return (pictures, channels, rows, columns)."""
        inputs = torch.stack([prepare_by(self._recipe, picture) for picture in pictures])
        return inputs.to(self._device).contiguous(memory_format=torch.channels_last)

    def _mirrored(self, inputs: Tensor) -> Tensor | None:
        """Return the logits of the mirror images, where the recipe wants them."""
        if not self._recipe.mirror:
            return None
        with torch.inference_mode():
            logits: Tensor = self._network(inputs.flip(3))
        return logits

    def _certainty(self, logits: Tensor, mirrored: Tensor | None) -> NDArray[np.float32]:
        mean = logits if mirrored is None else (logits + mirrored) / 2
        certainty = activate(mean.double() / self._recipe.temperature, self._recipe.activation)
        if not bool(torch.isfinite(certainty).all()):
            raise ValueError("the network answered with a number that is not finite")
        result: NDArray[np.float32] = certainty.float().cpu().numpy()
        return result


def activate(logits: Tensor, how: Activation) -> Tensor:
    """Return the certainties; outputs are along axis 1."""
    if how is Activation.SOFTMAX:
        return torch.softmax(logits, dim=1)
    return torch.sigmoid(logits) if how is Activation.SIGMOID else logits


def _fit(heat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the map at (rows, columns) of the picture, float32, 0 to 1."""
    rows, columns = shape
    fitted = cv2.resize(heat.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
    result: NDArray[np.float32] = np.clip(np.nan_to_num(fitted), 0.0, 1.0)
    return result


def _batches(pictures: Sequence[Picture]) -> list[Sequence[Picture]]:
    return [pictures[begin : begin + _BATCH] for begin in range(0, len(pictures), _BATCH)]
